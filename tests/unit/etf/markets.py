"""Panels of bars to calculate features on."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from kapman_assets.etf.features import Panel
from kapman_resources.sessions import session_offset, sessions_between

LAST = date(2026, 8, 21)


def sessions_up_to(count: int, last: date = LAST) -> list[date]:
    return sessions_between(session_offset(last, 1 - count), last)


def panel_of(close: np.ndarray, sessions: Sequence[date], *, benchmark: np.ndarray | None = None) -> Panel:
    """Closes with wicks and volumes made for them; the first symbol is the benchmark if none is given."""
    close = np.atleast_2d(np.asarray(close, dtype=np.float64))
    wick = 1 + 0.01 * (1 + np.sin(np.arange(close.shape[1]))) / 2
    return Panel(
        symbols=[f"S{place}" for place in range(len(close))],
        sessions=list(sessions),
        high=close * wick,
        low=close / wick,
        close=close,
        volume=np.where(np.isnan(close), np.nan, 1e6 + 1e5 * np.cos(np.arange(close.shape[1]))),
        benchmark=close[0] if benchmark is None else benchmark,
    )


def walk(seed: int, count: int, symbols: int = 1) -> np.ndarray:
    """Closes of random walks that move with a common market, `(symbols, count)`."""
    rng = np.random.default_rng(seed)
    market, own = rng.normal(0, 0.008, count), rng.normal(0, 0.01, (symbols, count))
    return 50 * np.exp(np.cumsum(market + own, axis=1))


def random_panel(seed: int, count: int, symbols: int = 1) -> Panel:
    """A panel of walks beside a benchmark of its own."""
    closes = walk(seed, count, symbols + 1)
    return panel_of(closes[1:], sessions_up_to(count), benchmark=closes[0])


def cut(panel: Panel, places: slice) -> Panel:
    """Some of the sessions."""
    return Panel(
        symbols=panel.symbols,
        sessions=panel.sessions[places],
        **{name: getattr(panel, name)[:, places] for name in ("high", "low", "close", "volume")},
        benchmark=panel.benchmark[places],
    )
