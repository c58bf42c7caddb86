"""The composite z-score: indicators standardised over a horizon, weighted and added."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kapman_assets.etf.columns import COMPONENTS
from kapman_assets.etf.indicators import FLAT
from kapman_assets.etf.look_back import LONGEST_CHANGE
from kapman_assets.etf.windows import Bools, Floats, windows

LEAST_VALUES = 15
"""Three quarters of the shortest horizon: a z-score uses what is there, but fewer values than these say nothing."""

LEAST_PERCENT = 80
"""Weight of the known components that a composite needs: a name without 200 bars lacks the 20 of the averages' gap."""

CHANGES = (1, LONGEST_CHANGE)

_PERCENT = np.array([component.percent for component in COMPONENTS])
_SCALES = [{"macd": None, "rsi14": 100.0}.get(component.indicator, 1.0) for component in COMPONENTS]
"""What is natural for the values of each; None is the price."""

_BITS = 1 << np.arange(len(COMPONENTS))


@dataclass(frozen=True)
class Composite:
    """Composite of one symbol and horizon, `count` sessions.

    Attributes:
        z: `(components, count)`, the standardised indicators.
        values: `(components, count)`, known values in the window of each.
        contributions: `(components, count)`, weighted; their sum over what is known is the composite.
        composite: NaN where less than `LEAST_PERCENT` of the weights is known.
        percent_known: weight of the known components, 0 to 100.
        changes: the composite less that of so many sessions before, by `CHANGES`; NaN if one is unknown or they are
            made of different components.
        is_other: by `CHANGES`, where the two are known and made of different components.
    """

    z: Floats
    values: npt.NDArray[np.int64]
    contributions: Floats
    composite: Floats
    percent_known: npt.NDArray[np.int64]
    changes: dict[int, Floats]
    is_other: dict[int, Bools]


def composite(indicators: Floats, close: Floats, horizon: int, count: int) -> Composite:
    """The composite of the last `count` sessions.

    Args:
        indicators: `(components, sessions)` in the order of `COMPONENTS`, NaN where unknown.
        close: one a session, NaN without a bar.
        horizon: sessions of the window, the session's own included.
        count: sessions that are asked for.
    """
    natural = np.stack([close if scale is None else np.full(len(close), scale) for scale in _SCALES])
    z, values = standardised(indicators, natural, horizon, count + LONGEST_CHANGE)
    # RSI and MACD of a close that stands still remember older ones, which says nothing of the window.
    z[:, _stands_still(close, horizon, count + LONGEST_CHANGE)] = np.nan
    known = ~np.isnan(z)
    percent = _PERCENT @ known
    share = np.where(percent >= LEAST_PERCENT, percent / 100, np.nan)
    contributions = (_PERCENT / 100)[:, np.newaxis] * z / share
    total = np.where(np.isnan(share), np.nan, np.where(known, contributions, 0.0).sum(axis=0))
    made_of = _BITS @ known
    changes, is_other = {}, {}
    now = slice(LONGEST_CHANGE, None)
    for sessions in CHANGES:
        earlier = slice(LONGEST_CHANGE - sessions, -sessions)
        change = total[now] - total[earlier]
        is_other[sessions] = ~np.isnan(change) & (made_of[now] != made_of[earlier])
        changes[sessions] = np.where(is_other[sessions], np.nan, change)
    return Composite(z[:, now], values[:, now], contributions[:, now], total[now], percent[now], changes, is_other)


def standardised(values: Floats, scale: Floats, window: int, count: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """z-scores of the last `count` values of each row, and how many values each is made of.

    `(x - mean) / std` with ddof=1 over the known values of the window, x included. NaN where x is unknown, where fewer
    than `LEAST_VALUES` are known, and where they stand still: where their deviation is a tiny share of `scale`.
    """
    padded = _recent(values, count + window - 1)
    is_known = ~np.isnan(padded)
    known = windows(is_known.astype(np.float64), window)
    held = windows(np.where(is_known, padded, 0.0), window)
    number = known.sum(axis=-1)
    mean = held.sum(axis=-1) / np.maximum(number, 1)
    held -= mean[..., np.newaxis]
    held *= known
    last = held[..., -1].copy()
    deviation = np.sqrt(np.square(held, out=held).sum(axis=-1) / np.maximum(number - 1, 1))
    is_defined = (number >= LEAST_VALUES) & is_known[:, -count:] & (deviation > FLAT * _recent(scale, count))
    z = np.full(last.shape, np.nan)
    np.divide(last, deviation, out=z, where=is_defined)
    return z, number.astype(np.int64)


def _stands_still(close: Floats, window: int, count: int) -> Bools:
    """Where all known closes of the window are equal, on the last `count` sessions."""
    recent = _recent(close[np.newaxis], count + window - 1)[0]
    highest = windows(np.where(np.isnan(recent), -np.inf, recent), window).max(axis=-1)
    lowest = windows(np.where(np.isnan(recent), np.inf, recent), window).min(axis=-1)
    return np.asarray(highest <= lowest)


def _recent(values: Floats, count: int) -> Floats:
    """The last `count` values of each row, NaN before the first."""
    recent = values[:, max(values.shape[1] - count, 0) :]
    return np.concatenate((np.full((len(values), count - recent.shape[1]), np.nan), recent), axis=1)
