"""The buying climax score (0 to 28), the spring score (0 to 12) and the composite score (0 to 1).

Functions take numbers or arrays of one shape and say nothing about any event. A signal whose inputs are unknown has
unknown points: a score is given as the sum of the known points, the most they could be, and the sum scaled to the whole
ladder, so that a missing input is not taken for a quiet one. Ladders follow architecture v2.0 §15.2 and §15.3 as
graded in `docs/wyckoff.md`.
"""
# ruff: noqa: PLR2004 - the numbers are the ladders

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kapman_assets.wyckoff.features import Bars, Features, Floats
from kapman_assets.wyckoff.parameters import CompositeWeights

BC_POINTS, BC_MOST = 4, 28
SPRING_POINTS, SPRING_MOST = 3, 12

NEAR_HIGH = 0.03
"""Distance from the 60-bar high within which price, width and behaviour of a bar count: a panic low is wide too."""


class ClimaxSignals(NamedTuple):
    """What the seven points of a buying climax are graded from; NaN is unknown. One value a bar.

    Attributes:
        r1, r1_before: return of the bar and of the one before; decimals.
        ret10_sigmas: return over 10 bars in its standard deviations.
        rvol: volume over its mean of 20 bars before.
        width: high less low over the close before.
        clv: close location in the bar, 0 to 1.
        rsi, stoch: RSI of 14 and %K of 14, per cent.
        is_closing_high: whether the close is above those of the 20 bars before (1 or 0).
        obv_below_pivot: whether OBV is below its value at the last high pivot (1 or 0).
        obv_slope: slope of OBV over 10 bars.
        is_new_high: whether the high is above those of the 20 bars before (1 or 0).
        fall_from_high: (high - close) / high.
        below_high60: 1 - high / highest high of 60 bars, this one included.
        sentiment: percentile of the sentiment proxy, 0 to 1.
        sentiment_is_price_only: whether it rests on prices and volume, not on options (1 or 0).
    """

    r1: Floats
    r1_before: Floats
    ret10_sigmas: Floats
    rvol: Floats
    width: Floats
    clv: Floats
    rsi: Floats
    stoch: Floats
    is_closing_high: Floats
    obv_below_pivot: Floats
    obv_slope: Floats
    is_new_high: Floats
    fall_from_high: Floats
    below_high60: Floats
    sentiment: Floats
    sentiment_is_price_only: Floats


PRICE_ONLY_MOST = 2
"""Points that a sentiment read from prices alone can give at most: they have points of their own already."""

SIGNALS = ("parabolic", "volume", "wide_bar", "overbought", "divergence", "at_highs", "sentiment")
SPRING_SIGNALS = ("support_break", "recovery", "low_volume", "bullish_close")


@dataclass(frozen=True)
class Score:
    """Points of a ladder; arrays of one shape.

    Attributes:
        points: of each signal by name; NaN where it is unknown.
        raw: sum of the known points; NaN if none is known.
        most: what the known signals could reach.
        scaled: raw over most, on the whole ladder, rounded to a whole number; NaN if none is known.
        known: how many signals are known.
    """

    points: Mapping[str, Floats]
    raw: Floats
    most: Floats
    scaled: Floats
    known: npt.NDArray[np.int64]


def bc_score(signals: ClimaxSignals) -> Score:
    """Grade a buying climax: seven signals of 4 points each."""
    at_high = np.where(np.isnan(signals.below_high60), np.nan, signals.below_high60 <= NEAR_HIGH)
    is_hot = (signals.rsi > 70).astype(float) + (signals.stoch > 80)
    is_wide = signals.width > 0.04
    points = {
        "parabolic": _ladder(
            (signals.r1 > 0.05) | ((signals.r1 > 0.03) & (signals.r1_before > 0.03)),
            signals.r1 >= 0.03,
            (signals.r1 >= 0.02) | (signals.ret10_sigmas > 2),
            grades=(4, 2, 1),
            known=~np.isnan(signals.r1),
        )
        * at_high,
        "volume": _steps(signals.rvol, (1, 1.2, 1.5, 2)),
        "wide_bar": _ladder(
            is_wide & (signals.clv <= 0.30),
            is_wide & (signals.clv <= 0.50),
            is_wide,
            signals.width > 0.03,
            grades=(4, 3, 2, 1),
            known=~np.isnan(signals.width),
        )
        * at_high,
        "overbought": np.where(np.isnan(signals.rsi) | np.isnan(signals.stoch), np.nan, 2 * is_hot),
        "divergence": _ladder(
            (signals.is_closing_high > 0) & (signals.obv_below_pivot > 0) & (signals.obv_slope <= 0),
            (signals.is_closing_high > 0) & (signals.obv_below_pivot > 0),
            grades=(4, 2),
            known=(signals.is_closing_high == 0) | ~np.isnan(signals.obv_below_pivot * signals.obv_slope),
        ),
        "at_highs": _ladder(
            (signals.is_new_high > 0) & (signals.fall_from_high >= 0.02),
            (signals.is_new_high > 0) & (signals.fall_from_high >= 0.01),
            grades=(4, 2),
            known=~np.isnan(signals.is_new_high),
        )
        * at_high,
        "sentiment": np.minimum(
            _steps(signals.sentiment, (0.70, 0.80, 0.90, 0.95), inclusive=True),
            np.where(signals.sentiment_is_price_only > 0, PRICE_ONLY_MOST, BC_POINTS),
        ),
    }
    return _score(points, BC_POINTS, BC_MOST)


def spring_score(depth_atr: Floats, depth_share: Floats, reclaim_bars: Floats, rvol: Floats, clv: Floats) -> Score:
    """Grade a break of the support: four signals of 3 points each. Provisional until the third bar after the break.

    Args:
        depth_atr: depth below the support, ATR; 0 or less is no break.
        depth_share: the same as a share of the support.
        reclaim_bars: bars from the break until a close above the support; negative if there was none.
        rvol: relative volume of the bar that broke.
        clv: close location of the bar that came back.
    """
    depth_atr, reclaim_bars = np.asarray(depth_atr, dtype=float), np.asarray(reclaim_bars, dtype=float)
    is_known = ~np.isnan(depth_atr)
    is_break = depth_atr > 0
    is_back = is_break & (reclaim_bars >= 0)
    is_fit = (depth_atr >= 0.25) & (depth_atr <= 2) & (np.asarray(depth_share) <= 0.06)
    points = {
        "support_break": _ladder(
            is_break & is_fit, is_break & (depth_atr <= 3), is_break, grades=(3, 2, 1), known=is_known
        ),
        "recovery": _ladder(
            is_back & (reclaim_bars <= 1),
            is_back & (reclaim_bars == 2),
            is_back & (reclaim_bars == 3),
            grades=(3, 2, 1),
            known=is_known,
        ),
        "low_volume": np.where(
            is_break,
            _ladder(
                np.asarray(rvol) < 0.7,
                np.asarray(rvol) < 0.85,
                np.asarray(rvol) < 1,
                grades=(3, 2, 1),
                known=~np.isnan(np.asarray(rvol, dtype=float)),
            ),
            np.where(is_known, 0.0, np.nan),
        ),
        "bullish_close": _ladder(
            is_back & (np.asarray(clv) >= 0.75),
            is_back & (np.asarray(clv) >= 0.6),
            is_back & (np.asarray(clv) >= 0.5),
            grades=(3, 2, 1),
            known=is_known,
        ),
    }
    return _score(points, SPRING_POINTS, SPRING_MOST)


def climax_signals(
    bars: Bars,
    features: Features,
    sentiment: Floats | None = None,
    is_price_only: npt.NDArray[np.bool_] | None = None,
    last: int | None = None,
) -> ClimaxSignals:
    """What the buying climax score of each bar is graded from.

    Args:
        bars: of one symbol.
        features: of the same bars.
        sentiment: percentile of the sentiment proxy, one a bar, NaN where unknown; None if there is none at all.
        is_price_only: where that rests on prices and volume; nowhere by default.
        last: of how many bars at the end; all by default.
    """
    count = len(bars.close)
    take = slice(0 if last is None else max(count - last, 0), count)
    returns = np.full(count, np.nan)
    returns[1:] = bars.close[1:] / bars.close[:-1] - 1
    before = np.concatenate([[np.nan], bars.close])[:count]
    high = bars.high[take]
    return ClimaxSignals(
        r1=returns[take],
        r1_before=np.concatenate([[np.nan], returns])[:count][take],
        ret10_sigmas=features.ret10_sigmas[take],
        rvol=features.rvol[take],
        width=(high - bars.low[take]) / before[take],
        clv=features.clv[take],
        rsi=features.rsi[take],
        stoch=features.stoch[take],
        is_closing_high=_compare(bars.close[take], features.close20[take]),
        obv_below_pivot=_compare(features.obv_at_pivot[take], features.obv[take]),
        obv_slope=features.obv_slope[take],
        is_new_high=_compare(high, features.high20[take]),
        fall_from_high=1 - bars.close[take] / high,
        below_high60=1 - high / np.maximum(features.high60[take], high),
        sentiment=np.full(len(high), np.nan) if sentiment is None else sentiment[take],
        sentiment_is_price_only=np.zeros(len(high)) if is_price_only is None else is_price_only[take].astype(float),
    )


def composite(parts: Mapping[str, float | None], weights: CompositeWeights) -> float | None:
    """One number for how far the evidence speaks for rising (1) or falling (0) prices; .5 is neither.

    `0.5 + 0.5 * sum(w * x) / sum(w)` over the parts that are known; None if none is.

    Args:
        parts: evidence in [-1, 1] by the names of the weights; None where unknown.
        weights: of each part.
    """
    known = {name: value for name, value in parts.items() if value is not None}
    if not known:
        return None
    total = sum(getattr(weights, name) for name in known)
    return 0.5 + 0.5 * float(sum(getattr(weights, name) * value for name, value in known.items()) / total)


def _compare(left: Floats, right: Floats) -> Floats:
    """1 where left is above right, 0 where not, NaN where either is unknown."""
    return np.where(np.isnan(left) | np.isnan(right), np.nan, (left > right).astype(float))


def _ladder(*rungs: npt.NDArray[np.bool_], grades: tuple[int, ...], known: npt.NDArray[np.bool_]) -> Floats:
    """Points of the first rung that holds; 0 where none does, NaN where it is not known."""
    points = np.zeros(np.shape(known))
    for rung, grade in zip(reversed(rungs), reversed(grades), strict=True):
        points = np.where(rung, float(grade), points)
    return np.where(known, points, np.nan)


def _steps(values: Floats, limits: tuple[float, ...], *, inclusive: bool = False) -> Floats:
    """A point for each limit that is exceeded, or reached."""
    count = np.zeros(np.shape(values))
    for limit in limits:
        count = count + ((values >= limit) if inclusive else (values > limit))
    return np.where(np.isnan(values), np.nan, count)


def _score(points: Mapping[str, Floats], each: int, whole: int) -> Score:
    """Sum points; a half is rounded up."""
    table = np.stack([np.asarray(values, dtype=float) for values in points.values()])
    known = (~np.isnan(table)).sum(axis=0)
    most = known * float(each)
    raw = np.where(known > 0, np.nansum(table, axis=0), np.nan)
    scaled = np.floor(whole * raw / np.where(known > 0, most, np.nan) + 0.5)
    return Score(points, raw, most, scaled, known)
