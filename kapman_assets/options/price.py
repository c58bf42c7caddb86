"""Realised volatility, its regime, and unusual volume from daily bars, adjusted for splits.

The rolling functions take sessions along the last axis, oldest first, one symbol or many, and give every session the
value of its own window: a later bar changes nothing before it. Sessions without a bar are NaN.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.reasons import Reason

SESSIONS_PER_YEAR = 252
VOLUME_WINDOW = 20
_SHORT, _LONG = 20, 60


@dataclass(frozen=True)
class PriceMetrics:
    """One session of one underlying.

    Attributes:
        hv_20, hv_60: historical volatility, decimal a year.
        rvol_20: volume over its mean of the 20 sessions before.
        vsi_20: volume surge index, standard deviations above that mean; not capped.
        adv_20: average daily dollar volume of the 20 sessions up to this one, USD.
        iv_hv_diff: `(iv_30d - hv_20) * 100`, vol points; positive where options are dearer than the past.
        null_reasons: for each field that is None, why.
    """

    hv_20: float | None
    hv_60: float | None
    rvol_20: float | None
    vsi_20: float | None
    adv_20: float | None
    iv_hv_diff: float | None
    null_reasons: Mapping[str, Reason]


def historical_volatility(closes: npt.ArrayLike, returns: int) -> Floats:
    """`std(ln(C_t / C_(t-1)), ddof=1) * sqrt(252)` over as many returns; NaN where a close is not a positive number."""
    prices = _prices(closes)
    windows = _windows(np.diff(np.log(prices), axis=-1), returns)
    return _led(windows.std(axis=-1, ddof=1) * math.sqrt(SESSIONS_PER_YEAR), prices.shape)


def volatility_regime(history: npt.ArrayLike, least: int = 60, window: int = 252) -> str | None:
    """Where the last 20-session volatility stands in its own last 252 sessions.

    Args:
        history: HV20 of each session up to this one, oldest first; NaN where unknown.
        least: known values below which nothing is said.
        window: sessions looked back, this one included.

    Returns:
        `low` below the 25th percentile, `normal` below the 75th, `high` below the 95th, `extreme` from there; None with
        too few values or without one for the session. The percentile is the share of known values strictly below.
    """
    values = np.asarray(history, dtype=np.float64)[-window:]
    known = values[~np.isnan(values)]
    if len(known) < least or np.isnan(values[-1]):
        return None
    percentile = 100 * float((known < values[-1]).mean())
    for limit, name in ((25, "low"), (75, "normal"), (95, "high")):
        if percentile < limit:
            return name
    return "extreme"


def relative_volume(volumes: npt.ArrayLike, window: int = VOLUME_WINDOW) -> Floats:
    """Volume over the mean of the sessions before it; NaN where one is unknown or the mean is 0."""
    values, before = _with_before(volumes, window)
    mean = before.mean(axis=-1)
    return _led(values[..., window:] / np.where(mean > 0, mean, np.nan), values.shape)


def volume_surge(volumes: npt.ArrayLike, window: int = VOLUME_WINDOW) -> Floats:
    """Volume less the mean of the sessions before it, in standard deviations (ddof=1); NaN if they are all equal."""
    values, before = _with_before(volumes, window)
    # Equal volumes have a deviation of 0 exactly; rounding of the mean must not make it a tiny one.
    varies = before.max(axis=-1) > before.min(axis=-1)
    deviation = np.where(varies, before.std(axis=-1, ddof=1), np.nan)
    return _led((values[..., window:] - before.mean(axis=-1)) / deviation, values.shape)


def dollar_volume(closes: npt.ArrayLike, volumes: npt.ArrayLike, window: int = VOLUME_WINDOW) -> Floats:
    """Mean of `close * volume` over the sessions up to each, USD; NaN where one is unknown. Splits cancel in it."""
    dollars = _prices(closes) * _volumes(volumes)
    return _led(_windows(dollars, window).mean(axis=-1), dollars.shape)


def price_metrics(closes: npt.ArrayLike, volumes: npt.ArrayLike, iv_30d: float | None) -> PriceMetrics:
    """Metrics of the last session of one symbol.

    Args:
        closes: adjusted closes, one a session up to this one, oldest first; NaN for a session without a bar.
        volumes: adjusted volumes, likewise.
        iv_30d: at-the-money volatility of 30 days on this session, decimal a year.
    """
    prices, shares = (np.asarray(values, dtype=np.float64) for values in (closes, volumes))
    hv_20 = _last(historical_volatility(prices, _SHORT))
    values = {
        "hv_20": hv_20,
        "hv_60": _last(historical_volatility(prices, _LONG)),
        "rvol_20": _last(relative_volume(shares)),
        "vsi_20": _last(volume_surge(shares)),
        "adv_20": _last(dollar_volume(prices, shares)),
        "iv_hv_diff": None if hv_20 is None or iv_30d is None or math.isnan(iv_30d) else (iv_30d - hv_20) * 100,
    }
    lacking = {
        "hv_20": Reason.SHORT_HISTORY if len(prices) <= _SHORT else Reason.GAP_IN_BARS,
        "hv_60": Reason.SHORT_HISTORY if len(prices) <= _LONG else Reason.GAP_IN_BARS,
        "adv_20": Reason.SHORT_HISTORY if len(prices) < VOLUME_WINDOW else Reason.GAP_IN_BARS,
        **dict.fromkeys(("rvol_20", "vsi_20"), _why_no_volume(shares)),
        "iv_hv_diff": Reason.NO_HV if hv_20 is None else Reason.NO_IV,
    }
    return PriceMetrics(**values, null_reasons={name: lacking[name] for name, value in values.items() if value is None})


def _why_no_volume(volumes: Floats) -> Reason:
    if len(volumes) <= VOLUME_WINDOW:
        return Reason.SHORT_HISTORY
    recent = volumes[-VOLUME_WINDOW - 1 :]
    return Reason.FLAT_HISTORY if (np.isfinite(recent) & (recent >= 0)).all() else Reason.GAP_IN_BARS


def _prices(closes: npt.ArrayLike) -> Floats:
    values = np.asarray(closes, dtype=np.float64)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _volumes(volumes: npt.ArrayLike) -> Floats:
    values = np.asarray(volumes, dtype=np.float64)
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan)


def _with_before(volumes: npt.ArrayLike, window: int) -> tuple[Floats, Floats]:
    """The known volumes, and for each session from `window` on those before it."""
    values = _volumes(volumes)
    return values, _windows(values[..., :-1], window)


def _windows(values: Floats, length: int) -> Floats:
    """All windows of a length along the last axis; none if there are fewer values."""
    if values.shape[-1] < length:
        return np.empty((*values.shape[:-1], 0, length))
    # Contiguous, so that a window's sum has the same bits in a long history as alone.
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, length, axis=-1))


def _led(values: Floats, shape: tuple[int, ...]) -> Floats:
    """`values` as the last ones of an array of `shape`, NaN before."""
    result = np.full(shape, np.nan)
    result[..., shape[-1] - values.shape[-1] :] = values
    return result


def _last(values: Floats) -> float | None:
    return float(values[-1]) if len(values) and not np.isnan(values[-1]) else None
