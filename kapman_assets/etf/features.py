"""Rows of `etf_features`: many symbols, sessions and the three horizons in one pass.

A value uses bars up to its own session only, and none before `look_back.first_day_seen`. Where it is unknown it is
NaN, and `null_reasons` says why.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from kapman_assets.etf.columns import COLUMNS, COMPONENTS, COMPOSITE_COLUMNS, HORIZONS, IN_PRICE_UNITS, SESSION_COLUMNS
from kapman_assets.etf.composite import CHANGES, LEAST_PERCENT, LEAST_VALUES, Composite, composite
from kapman_assets.etf.indicators import BARS_NEEDED, Indicators, indicators
from kapman_assets.etf.look_back import SESSIONS_BEFORE, Span, spans
from kapman_assets.etf.reasons import CODES, Reason
from kapman_assets.etf.relative import RETURNS, regression, session_return
from kapman_assets.etf.seen_bars import Codes, SeenBars, last_of
from kapman_assets.etf.windows import Floats
from kapman_assets.options.price import VOLUME_WINDOW, dollar_volume

PIPELINE_VERSION = "etf-1"
"""Changes with every formula here, so that a row tells what made it."""

KEY = ("symbol", "session", "horizon", "pipeline_version")

_REFERENCE = {"rs_spy_30d": 30, "rs_spy_90d": 90}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Bars of the universe, adjusted as of the last session: a row a symbol, a column a session, NaN without a bar.

    Attributes:
        symbols: of the rows.
        sessions: of the columns, consecutive sessions of the exchange, ascending.
        high, low, close: USD a share, `(symbols, sessions)`.
        volume: shares, likewise.
        benchmark: its closes, USD a share, one a session; NaN without a bar.
    """

    symbols: Sequence[str]
    sessions: Sequence[date]
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    benchmark: Floats

    def __post_init__(self) -> None:
        shape = (len(self.symbols), len(self.sessions))
        if any(values.shape != shape for values in (self.high, self.low, self.close, self.volume)):
            raise ValueError(f"bars of {shape[0]} symbols on {shape[1]} sessions must all have the shape {shape}")
        if self.benchmark.shape != shape[1:]:
            raise ValueError(f"the benchmark has closes of shape {self.benchmark.shape} for {shape[1]} sessions")
        if any(day >= later for day, later in pairwise(self.sessions)):
            raise ValueError("the sessions of a panel must be ascending")


def etf_features(
    panel: Panel, last: int | None = None, splits: Mapping[str, Mapping[date, float]] = MappingProxyType({})
) -> pd.DataFrame:
    """Rows of every symbol and horizon on the last sessions.

    Args:
        panel: bars from `first_day_seen` of the first of these sessions on, or from the first there are.
        last: how many sessions; all of them if None.
        splits: by symbol `split_from / split_to` by execution date, of the splits after the first of these sessions:
            a session before one did not know it, and prices are in the shares of their session.

    Returns:
        One row a session, symbol and horizon, in this order whether or not there is a bar: `KEY`, the columns of
        `COLUMNS`, and `null_reasons`, a JSON object of the reason code by column that is NaN.

    Raises:
        ValueError: the panel has fewer sessions than are asked for.
    """
    count = len(panel.sessions) if last is None else last
    if not 0 <= count <= len(panel.sessions):
        raise ValueError(f"{last} sessions of a panel that has {len(panel.sessions)}")
    first = len(panel.sessions) - count
    calculation = _Calculation(panel.sessions, count, list(spans(panel.sessions, max(first - SESSIONS_BEFORE, 0))))
    shape = (count, len(panel.symbols), len(HORIZONS))
    values = np.empty((len(COLUMNS), *shape))
    codes = np.zeros((*shape, len(COLUMNS)), dtype=np.uint8)
    benchmark = _positive(panel.benchmark)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for place, symbol in enumerate(panel.symbols):
            bars = (panel.high[place], panel.low[place], panel.close[place], panel.volume[place])
            of_symbol = calculation.of(*bars, benchmark)
            units = _units(panel.sessions[first:], splits.get(symbol, {}))
            for number, name in enumerate(COLUMNS):
                array = of_symbol.values[name]
                values[number, :, place] = array / units if name in IN_PRICE_UNITS else array
                codes[:, place, :, number] = of_symbol.codes[name]
    # One block of columns as it lies: a frame of 500 names would otherwise be copied column by column.
    frame = pd.DataFrame(values.reshape(len(COLUMNS), -1).T, columns=list(COLUMNS), copy=False)
    days = np.array(panel.sessions[first:], dtype="datetime64[D]").astype("datetime64[s]")
    symbols = np.repeat(np.array(panel.symbols, dtype=object), len(HORIZONS))
    keys = (
        np.tile(symbols, count),
        np.repeat(days, len(symbols)),
        np.tile(np.array(list(HORIZONS), dtype=object), count * len(panel.symbols)),
        np.full(len(frame), PIPELINE_VERSION, dtype=object),
    )
    for number, (name, array) in enumerate(zip(KEY, keys, strict=True)):
        frame.insert(number, name, array)
    frame["null_reasons"] = _as_json(codes.reshape(-1, len(COLUMNS)))
    return frame


@dataclass(frozen=True)
class _OfSymbol:
    """By column `(count, horizons)`, or `(count, 1)` where they are the same: values, and codes of why they are NaN."""

    values: dict[str, Floats]
    codes: dict[str, Codes]


@dataclass(frozen=True)
class _Calculation:
    """What all symbols of a panel share.

    Attributes:
        sessions: all of the panel.
        count: how many of the last ones are asked for.
        spans: these and the ones before whose indicators they need.
    """

    sessions: Sequence[date]
    count: int
    spans: list[Span]

    def of(self, high: Floats, low: Floats, close: Floats, volume: Floats, benchmark: Floats) -> _OfSymbol:
        """All columns of one symbol."""
        usable = (high > 0) & (low > 0) & (close > 0) & (volume >= 0) & np.isfinite(high + low + close + volume)
        close = np.where(usable, close, np.nan)
        own = indicators(high, low, close, usable, self.spans)
        bars = SeenBars(usable, benchmark, self._starts(), self.count)
        session_values, session_codes = self._of_session(own, close, np.where(usable, volume, np.nan), bars)
        by_horizon = [self._of_horizon(own, close, session_codes, bars, window) for window in HORIZONS.values()]
        values = {name: np.stack([part.values[name] for part in by_horizon], axis=-1) for name in COMPOSITE_COLUMNS}
        codes = {name: np.stack([part.codes[name] for part in by_horizon], axis=-1) for name in COMPOSITE_COLUMNS}
        for name in SESSION_COLUMNS:
            values[name] = session_values[name][:, np.newaxis]
            codes[name] = session_codes[name][:, np.newaxis]
        return _OfSymbol(values, codes)

    def _of_session(
        self, own: Indicators, close: Floats, volume: Floats, bars: SeenBars
    ) -> tuple[dict[str, Floats], dict[str, Codes]]:
        values: dict[str, Floats] = {}
        codes: dict[str, Codes] = {}
        seen = last_of(own.bars, self.count)
        for name, needed in BARS_NEEDED.items():
            values[name] = last_of(own.values[name], self.count)
            codes[name] = bars.why(values[name], (seen < needed, Reason.SHORT_HISTORY), (True, Reason.FLAT_HISTORY))
        for name, sessions in _REFERENCE.items():
            difference = session_return(close, sessions) - session_return(bars.benchmark, sessions)
            values[name] = last_of(difference, self.count)
            codes[name] = bars.why(
                values[name],
                (~bars.has_one_before(sessions), Reason.SHORT_HISTORY),
                (bars.lacks_at(sessions), Reason.GAP_IN_BARS),
                (True, Reason.NO_BENCHMARK),
            )
        together = regression(close, bars.benchmark, bars.starts, self.count)
        values["beta_spy_252d"], values["corr_spy_252d"] = together.beta, together.correlation
        for name in ("beta_spy_252d", "corr_spy_252d"):
            codes[name] = bars.why(
                values[name],
                (last_of(np.isnan(bars.benchmark), self.count), Reason.NO_BENCHMARK),
                (seen <= RETURNS, Reason.SHORT_HISTORY),
                (together.returns < RETURNS, Reason.NO_BENCHMARK),
                (True, Reason.FLAT_HISTORY),
            )
        values["vol_dollar_20d"] = last_of(dollar_volume(close, volume), self.count)
        codes["vol_dollar_20d"] = bars.why(
            values["vol_dollar_20d"],
            (~bars.has_one_before(VOLUME_WINDOW - 1), Reason.SHORT_HISTORY),
            (True, Reason.GAP_IN_BARS),
        )
        return values, codes

    def _of_horizon(
        self, own: Indicators, close: Floats, of_session: Mapping[str, Codes], bars: SeenBars, window: int
    ) -> _OfSymbol:
        inputs = np.stack([own.values[component.indicator] for component in COMPONENTS])
        result = composite(inputs, close, window, self.count)
        values = {
            "composite_z": result.composite,
            **{f"dz{sessions}": result.changes[sessions] for sessions in CHANGES},
            **{component.z: result.z[place] for place, component in enumerate(COMPONENTS)},
            **{component.contribution: result.contributions[place] for place, component in enumerate(COMPONENTS)},
            "weight_known": result.percent_known / 100,
            "z_values": _shortest(result),
        }
        return _OfSymbol(values, self._codes_of_horizon(values, result, of_session, bars))

    def _codes_of_horizon(
        self, values: Mapping[str, Floats], result: Composite, of_session: Mapping[str, Codes], bars: SeenBars
    ) -> dict[str, Codes]:
        codes: dict[str, Codes] = {}
        lacking = np.zeros(self.count, dtype=np.uint8)
        for place, component in enumerate(COMPONENTS):
            indicator = of_session[component.indicator]
            why = bars.why(
                values[component.z],
                (result.values[place] < LEAST_VALUES, Reason.SHORT_HISTORY),
                (True, Reason.FLAT_HISTORY),
            )
            codes[component.z] = np.where((why != 0) & (indicator != 0), indicator, why)
            # The heaviest that is unknown stands first, and says why there is no composite.
            lacking = np.where(lacking == 0, codes[component.z], lacking)
        no_composite = result.percent_known < LEAST_PERCENT
        codes["composite_z"] = np.where(no_composite, lacking, 0).astype(np.uint8)
        for component in COMPONENTS:
            of_z = codes[component.z]
            why = bars.why(values[component.contribution], (no_composite, Reason.NO_COMPOSITE))
            codes[component.contribution] = np.where((why == 0) & ~no_composite, of_z, why).astype(np.uint8)
        for sessions in CHANGES:
            codes[f"dz{sessions}"] = bars.why(
                values[f"dz{sessions}"],
                (result.is_other[sessions], Reason.OTHER_COMPONENTS),
                (True, Reason.NO_COMPOSITE),
            )
        codes["weight_known"] = codes["z_values"] = np.zeros(self.count, dtype=np.uint8)
        return codes

    def _starts(self) -> npt.NDArray[np.int64]:
        """Position of the first session that each asked one sees."""
        first = len(self.sessions) - self.count
        starts = np.zeros(len(self.sessions), dtype=np.int64)
        for span in self.spans:
            starts[span.first : span.after] = span.start
        return starts[first:]


def _shortest(result: Composite) -> Floats:
    known = ~np.isnan(result.z)
    shortest = np.where(known, result.values, np.iinfo(np.int64).max).min(axis=0)
    return np.where(known.any(axis=0), shortest, 0).astype(np.float64)


def _units(sessions: Sequence[date], splits: Mapping[date, float]) -> Floats:
    """For each session the product of the splits that were still ahead of it, `(sessions, 1)`."""
    if not splits:
        return np.ones((len(sessions), 1))
    ahead = [math.prod(factor for day, factor in splits.items() if session < day) for session in sessions]
    return np.array(ahead, dtype=np.float64).reshape(-1, 1)


def _positive(closes: Floats) -> Floats:
    return np.where(np.isfinite(closes) & (closes > 0), closes, np.nan)


def _as_json(codes: Codes) -> npt.NDArray[np.object_]:
    """One object a row; rows that lack the same for the same reasons share it."""
    texts = np.full(len(codes), "{}", dtype=object)
    lacking = np.flatnonzero(codes.any(axis=1))
    if len(lacking):
        packed = np.ascontiguousarray(codes[lacking]).view(np.dtype((np.void, codes.shape[1]))).ravel()
        distinct, group = np.unique(packed, return_inverse=True)
        reasons = distinct.view(np.uint8).reshape(len(distinct), -1)
        names = list(COLUMNS)
        objects = [
            json.dumps({names[place]: CODES[row[place] - 1].name for place in np.flatnonzero(row)}) for row in reasons
        ]
        texts[lacking] = np.array(objects, dtype=object)[group]
    return texts
