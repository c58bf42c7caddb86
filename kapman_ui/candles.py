"""The candle chart: a thin component around the packaged lightweight-charts library (`static/`, Apache 2.0).

It draws bars with volume, marks at bars, and horizontal levels; it knows nothing of what they mean. The chart is made
in the browser, so that 730 bars move without asking the server.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_SCRIPT = Path(__file__).parent / "static" / "candles.js"
_STYLE = """
.candles { position: relative; width: 100%; }
.candles button {
    position: absolute; top: 4px; left: 8px; z-index: 3; font: inherit; font-size: 0.8rem; padding: 2px 8px;
    color: var(--st-text-color); background: var(--st-secondary-background-color);
    border: 1px solid var(--st-border-color); border-radius: 4px; cursor: pointer;
}
"""


Shape = Literal["arrowUp", "arrowDown", "circle", "square"]
Position = Literal["aboveBar", "belowBar", "inBar"]


@dataclass(frozen=True)
class Mark:
    """A mark at a bar: ISO session, above or below it, its shape, colour and a short text."""

    time: str
    position: Position
    shape: Shape
    color: str
    text: str


@dataclass(frozen=True)
class Level:
    """A horizontal line at a price."""

    price: float
    color: str
    title: str


def candles(
    bars: pd.DataFrame, *, marks: Sequence[Mark] = (), levels: Sequence[Level] = (), name: str, height: int = 460
) -> None:
    """Draw bars.

    Args:
        bars: `date`, `open`, `high`, `low`, `close` (USD a share) and `volume` (shares), ascending by date.
        marks: at bars, ascending by time.
        levels: lines over the whole width.
        name: what the chart is of: its label, and the name of a downloaded picture.
        height: pixels.
    """
    times = bars["date"].astype(str)
    prices = bars[["open", "high", "low", "close"]].round(4)
    data = {
        "name": name,
        "height": height,
        "bars": [
            {"time": time, "open": o, "high": h, "low": low, "close": c}
            for time, o, h, low, c in zip(times, *(prices[column] for column in prices), strict=True)
        ],
        "volume": [
            {"time": time, "value": value, "up": bool(up)}
            for time, value, up in zip(times, bars["volume"].round(), bars["close"] >= bars["open"], strict=True)
        ],
        "marks": [asdict(mark) for mark in marks],
        "levels": [asdict(level) for level in levels],
    }
    _component()(data=data, key=f"candles-{name}")


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        "kapman_candles", html='<div class="candles"></div>', css=_STYLE, js=_SCRIPT.read_text()
    )
