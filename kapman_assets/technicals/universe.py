"""The screener's columns of many names at once, for the last session of a panel or the last few.

Indicators run over a name's own bars: a day without one is absent and leaves no gap. Realised volatility, relative
volume and average dollar volume are by sessions, as `kapman_assets.options.price` defines them for the watchlist: a
missing day in their window makes them unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib

from kapman_assets.options import price
from kapman_assets.technicals.bars import Bars, Bools, Floats, known_where, ratio
from kapman_assets.technicals.history import Dates, as_known, spans
from kapman_assets.technicals.indicators import common_columns
from kapman_assets.technicals.volume import on_balance_volume

OF_OWN_BARS: tuple[str, ...] = (
    "close", "volume", "rsi_14", "macd_line", "macd_signal", "macd_histogram", "stoch_k", "stoch_d", "mfi_14",
    "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "adx_14", "atr_14",
    "bbands_upper", "bbands_middle", "bbands_lower", "bbands_width", "obv_slope_10",
    "return_1", "return_5", "return_20", "return_60", "high_52w_distance", "low_52w_distance",
)  # fmt: skip
BY_SESSIONS: tuple[str, ...] = ("rvol_20", "vsi_20", "hv_20", "hv_60", "dollar_volume_20")

_SLOPE, _YEAR_OF_BARS, _LONGEST_BY_SESSIONS = 10, 252, 60
_CHUNK = 500
"""Names at a time: the windows of `price` are copied out, sixty values for each."""


@dataclass(frozen=True)
class Panel:
    """Bars of many names, adjusted as of the last session: a row a name, a column a session, NaN without a bar.

    Attributes:
        symbols: of the rows.
        sessions: of the columns, ascending and without a gap.
        open, high, low, close: USD a share, `(symbols, sessions)`.
        volume: shares, likewise.
    """

    symbols: Sequence[str]
    sessions: Sequence[date]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __post_init__(self) -> None:
        shape = (len(self.symbols), len(self.sessions))
        shapes = {values.shape for values in self._columns}
        if shapes != {shape}:
            raise ValueError(f"a panel of {shape[0]} symbols and {shape[1]} sessions has columns of {sorted(shapes)}")
        if any(day >= later for day, later in zip(self.sessions, self.sessions[1:], strict=False)):
            raise ValueError("the sessions of a panel must be ascending")

    @property
    def _columns(self) -> tuple[Floats, ...]:
        return self.open, self.high, self.low, self.close, self.volume

    def rows(self, names: slice, sessions: slice) -> tuple[Floats, ...]:
        """Open, high, low, close and volume of some names on some sessions."""
        return tuple(values[names, sessions] for values in self._columns)


def universe_technicals(
    panel: Panel, last: int = 1, splits: Mapping[str, Mapping[date, float]] = MappingProxyType({})
) -> pd.DataFrame:
    """Rows of every name on each of the last sessions.

    Args:
        panel: bars from `history_start` of the first of these sessions on, or from the first there are.
        last: how many sessions.
        splits: by symbol `split_from / split_to` by execution date, of the splits after the first of these sessions:
            a session before one did not know it. None are needed for the last session alone.

    Returns:
        `symbol`, `session`; `is_stale`: the session has no usable bar of the name, and every value is NaN; `last_bar`:
        the newest usable bar (NaT without any); `bars`: how many there are up to the session; then `OF_OWN_BARS` and
        `BY_SESSIONS`. One row a symbol and session, by session and in the panel's order. Prices are USD a share,
        returns and distances decimals, `obv_slope_10` is the least-squares slope of on-balance volume over 10 bars in
        average volumes a bar, `dollar_volume_20` USD.

    Raises:
        ValueError: if the panel has fewer sessions than are asked for.
    """
    if not 1 <= last <= len(panel.sessions):
        raise ValueError(f"{last} sessions of a panel that has {len(panel.sessions)}")
    dates = np.array(panel.sessions, dtype="datetime64[D]")
    parts: list[pd.DataFrame] = []
    for span, wanted in spans(dates, panel.sessions[-last:]):
        chunks = [
            _Chunk.of(panel, slice(first, first + _CHUNK), span, wanted)
            for first in range(0, max(len(panel.symbols), 1), _CHUNK)
        ]
        parts.append(_frame(chunks, [chunk.values(splits) for chunk in chunks], dates[span]))
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Chunk:
    """Some names from the common beginning of the wanted sessions, which are the last columns, to their end.

    Attributes:
        symbols: of the rows.
        columns: open, high, low, close and volume, `(names, sessions)`.
        is_known: where there is a usable bar.
        wanted: the sessions that rows are asked for.
    """

    symbols: Sequence[str]
    columns: tuple[Floats, ...]
    is_known: Bools
    wanted: Sequence[date]

    @classmethod
    def of(cls, panel: Panel, names: slice, span: slice, wanted: Sequence[date]) -> "_Chunk":
        columns = panel.rows(names, span)
        open_, high, low, close, volume = columns
        # Comparisons with NaN are false, and a sum keeps an infinity.
        known = (open_ > 0) & (high > 0) & (low > 0) & (close > 0) & (volume >= 0)
        known &= np.isfinite(open_ + high + low + close + volume)
        return cls(panel.symbols[names], columns, known, wanted)

    def values(self, splits: Mapping[str, Mapping[date, float]]) -> Floats:
        """`OF_OWN_BARS` and `BY_SESSIONS`, `(names, wanted sessions, columns)`."""
        own = len(OF_OWN_BARS)
        closes, volumes = (known_where(self.is_known, self.columns[k]) for k in (3, 4))
        result = np.full((len(self.symbols), len(self.wanted), own + len(BY_SESSIONS)), np.nan)
        result[:, :, own:] = _by_sessions(closes, volumes, len(self.wanted))
        for row, symbol in enumerate(self.symbols):
            end, of_row = self.is_known.shape[1] - len(self.wanted), result[row]
            for factor, alike in as_known(self.wanted, splits.get(symbol, {})):
                count, end = len(alike), end + len(alike)
                of_sessions, of_row = of_row[:count], of_row[count:]
                if factor != 1:
                    one = slice(row, row + 1)
                    of_sessions[:, own:] = _by_sessions(closes[one, :end] / factor, volumes[one, :end] * factor, count)
                has_bar = self.is_known[row, end - count : end]
                if has_bar.any():
                    bars = self._bars(row, end).in_units(factor)
                    of_sessions[has_bar, :own] = _of_own_bars(bars, int(has_bar.sum()))
        return result

    @property
    def last_bar(self) -> npt.NDArray[np.int64]:
        """Column of the newest usable bar on each wanted session, -1 without any."""
        places = np.where(self.is_known, np.arange(self.is_known.shape[1]), -1)
        return np.maximum.accumulate(places, axis=1)[:, -len(self.wanted) :]

    @property
    def bars(self) -> npt.NDArray[np.int64]:
        """Usable bars up to each wanted session."""
        return self.is_known.cumsum(axis=1)[:, -len(self.wanted) :]

    def _bars(self, row: int, end: int) -> Bars:
        known = self.is_known[row, :end]
        open_, high, low, close, volume = (column[row, :end][known] for column in self.columns)
        return Bars.of(open=open_, high=high, low=low, close=close, volume=volume)


def _by_sessions(closes: Floats, volumes: Floats, count: int) -> Floats:
    """`BY_SESSIONS` of the last sessions, `(names, count, columns)`; NaN where the session's own bar is."""
    tail = slice(-(count + _LONGEST_BY_SESSIONS), None)
    closes, volumes = closes[:, tail], volumes[:, tail]
    values = {
        "rvol_20": price.relative_volume(volumes),
        "vsi_20": price.volume_surge(volumes),
        "hv_20": price.historical_volatility(closes, 20),
        "hv_60": price.historical_volatility(closes, 60),
        "dollar_volume_20": price.dollar_volume(closes, volumes),
    }
    return np.stack([values[name][:, -count:] for name in BY_SESSIONS], axis=-1)


def _of_own_bars(bars: Bars, count: int) -> Floats:
    """`OF_OWN_BARS` of the last bars, `(count, columns)`."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = {**common_columns(bars), **_own_columns(bars, count)}
    return np.array([values[name][-count:] for name in OF_OWN_BARS]).T


def _own_columns(bars: Bars, count: int) -> dict[str, Floats]:
    close, volume = bars.close, bars.volume
    year = slice(-(_YEAR_OF_BARS - 1 + count), None)
    mean_volume = known_where(talib.MAX(volume, _SLOPE) > 0, talib.SMA(volume, _SLOPE))
    return {
        "close": close,
        "volume": volume,
        "obv_slope_10": ratio(talib.LINEARREG_SLOPE(on_balance_volume(bars), _SLOPE), mean_volume),
        **{f"return_{bars_back}": talib.ROCP(close, bars_back) for bars_back in (1, 5, 20, 60)},
        "high_52w_distance": close[year] / talib.MAX(bars.high[year], _YEAR_OF_BARS) - 1,
        "low_52w_distance": close[year] / talib.MIN(bars.low[year], _YEAR_OF_BARS) - 1,
    }


def _frame(chunks: Sequence[_Chunk], values: Sequence[Floats], dates: Dates) -> pd.DataFrame:
    """All chunks, session by session."""
    symbols = [symbol for chunk in chunks for symbol in chunk.symbols]
    count = len(chunks[0].wanted)
    sessions = np.repeat(np.arange(len(dates) - count, len(dates)), len(symbols))
    last_bar = np.concatenate([chunk.last_bar for chunk in chunks]).T.ravel()
    columns = np.concatenate(values).transpose(1, 0, 2).reshape(len(sessions), len(OF_OWN_BARS) + len(BY_SESSIONS))
    return pd.DataFrame(
        {
            "symbol": np.tile(np.array(symbols, dtype=object), count),
            "session": dates[sessions].astype("datetime64[s]"),
            "is_stale": last_bar != sessions,
            "last_bar": np.where(last_bar >= 0, dates[last_bar], np.datetime64("NaT", "D")).astype("datetime64[s]"),
            "bars": np.concatenate([chunk.bars for chunk in chunks]).T.ravel(),
            **{name: columns[:, k] for k, name in enumerate((*OF_OWN_BARS, *BY_SESSIONS))},
        }
    )
