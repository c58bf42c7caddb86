"""The technicals: the universe's columns for one session and sixty, a watchlist's indicators; calculation only.

The yardstick calls TA-Lib directly, on the same bars, for the columns that it has: nothing is unknown for it, nothing
is checked, and no table is made.
"""

import time
from collections.abc import Callable
from datetime import date

import numpy as np
import psutil
import talib

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.technicals.bars import Bars, Floats
from kapman_assets.technicals.history import history_start, session_rows
from kapman_assets.technicals.indicators import indicators
from kapman_assets.technicals.universe import Panel, universe_technicals
from kapman_resources.sessions import session_offset, sessions_between

_LAST_SESSION = date(2026, 8, 21)
_WATCHLIST = 143
_BACK_FILL_NAMES, _BACK_FILL_SESSIONS = 300, 60
_MISSING = 0.01
"""Share of bars that are not there, as halts and thin trading leave them out."""


def measure(laboratory: Laboratory) -> list[Row]:
    """The universe beside TA-Lib, a back-fill of it, and the watchlist."""
    names, sessions = laboratory.sizes.names, laboratory.sizes.history_sessions
    panel = _panel(names, sessions)
    memory = psutil.Process()
    before = memory.memory_info().rss
    universe, direct = [], []
    for _ in range(laboratory.sizes.run_repeats):
        universe.append(_seconds(lambda: universe_technicals(panel)))
        direct.append(_seconds(lambda: _direct(panel)))
    taken = memory.memory_info().rss - before
    size = f"{names:,} names × {sessions} sessions"
    last = min(_BACK_FILL_SESSIONS, sessions)
    few = Panel(panel.symbols[:_BACK_FILL_NAMES], panel.sessions, *(c[:_BACK_FILL_NAMES] for c in _columns(panel)))
    back_fill = [_seconds(lambda: universe_technicals(few, last)) for _ in range(3)]
    return [
        timed("TA-Lib called for each name", size, direct, rows=names, note="the bars that the session's row sees"),
        timed(
            "screener's columns, last session",
            size,
            universe,
            rows=names,
            yardstick=direct,
            max_seconds=12,
            max_ratio=3,
            note=f"the panel is {_bytes(panel) / 1e6:,.0f} MB, and the process grows by {max(taken, 0) / 1e6:,.0f} MB",
        ),
        timed(
            "screener's columns, back-fill",
            f"{len(few.symbols)} names, {last} sessions",
            back_fill,
            rows=len(few.symbols) * last,
            note="each row as if its session were the last",
        ),
        *_watchlist(sessions),
    ]


def _watchlist(sessions: int) -> list[Row]:
    panel = _panel(_WATCHLIST, sessions)
    names = [_bars(panel, row, slice(None)) for row in range(_WATCHLIST)]
    dates = np.array(panel.sessions, dtype="datetime64[D]")
    days = [dates[~np.isnan(panel.close[row])] for row in range(_WATCHLIST)]
    last = min(_BACK_FILL_SESSIONS, sessions)

    def rows(count: int) -> None:
        for bars, own in zip(names, days, strict=True):
            session_rows(bars, own, panel.sessions[-count:])

    bars = sum(len(own) for own in days)
    return [
        timed(
            "84 indicators, every bar",
            f"{_WATCHLIST} names × {sessions} sessions",
            [_seconds(lambda: [indicators(bars) for bars in names]) for _ in range(5)],
            rows=bars,
        ),
        *(
            timed(
                "84 indicators, columns and reasons as rows",
                f"{_WATCHLIST} names, {count} session{'s' if count > 1 else ''}",
                [_seconds(lambda count=count: rows(count)) for _ in range(3)],  # type: ignore[misc]
                rows=_WATCHLIST * count,
            )
            for count in (1, last)
        ),
    ]


def _panel(names: int, sessions: int) -> Panel:
    """Geometric random walks of two percent a session, with days left out."""
    rng = np.random.default_rng(20260821)
    shape = (names, sessions)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=1))
    open_ = close * np.exp(rng.normal(0, 0.007, shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.01, shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.01, shape)))
    volume = np.exp(rng.normal(13, 0.6, shape))
    missing = rng.random(shape) < _MISSING
    for values in (open_, high, low, close, volume):
        values[missing] = np.nan
    days = sessions_between(session_offset(_LAST_SESSION, 1 - sessions), _LAST_SESSION)
    return Panel([f"N{k}" for k in range(names)], days, open_, high, low, close, volume)


def _columns(panel: Panel) -> tuple[Floats, ...]:
    return panel.open, panel.high, panel.low, panel.close, panel.volume


def _bytes(panel: Panel) -> int:
    return sum(values.nbytes for values in _columns(panel))


def _bars(panel: Panel, row: int, sessions: slice) -> Bars:
    known = ~np.isnan(panel.close[row, sessions])
    open_, high, low, close, volume = (values[row, sessions][known] for values in _columns(panel))
    return Bars.of(open=open_, high=high, low=low, close=close, volume=volume)


def _direct(panel: Panel) -> None:
    """What somebody would write who needs the columns of one session and trusts every bar."""
    start = history_start(panel.sessions[-1])
    seen = slice(sum(day < start for day in panel.sessions), None)
    for row in range(len(panel.symbols)):
        bars = _bars(panel, row, seen)
        high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
        talib.RSI(close, 14)
        talib.MACD(close, 12, 26, 9)
        talib.STOCHF(high, low, close, 14, 3)
        talib.MFI(high, low, close, volume, 14)
        talib.ADX(high, low, close, 14)
        talib.ATR(high, low, close, 14)
        talib.BBANDS(close, 20, 2, 2)
        talib.LINEARREG_SLOPE(talib.OBV(close, volume), 10)
        talib.MAX(high, 252)
        talib.MIN(low, 252)
        for bars_back in (12, 26):
            talib.EMA(close, bars_back)
        for bars_back in (20, 50, 200):
            talib.SMA(close, bars_back)
        for bars_back in (1, 5, 20, 60):
            talib.ROCP(close, bars_back)
        for bars_back in (20, 60):
            talib.STDDEV(np.log(close[1:] / close[:-1]), bars_back)
        for values in (volume, close * volume):
            talib.SMA(values, 20)
        talib.STDDEV(volume, 20)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
