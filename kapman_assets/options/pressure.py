"""Dealer gamma pressure index (DGPI): net gamma and the distance to its flip in one bounded number."""

import math

import numpy as np

from kapman_assets.options.chain import Chain
from kapman_assets.options.gamma_exposure import FlipDirection, gex_by_strike

_SESSIONS_PER_YEAR = 252
_GEX_WEIGHT, _FLIP_WEIGHT = 0.7, 0.3
_GEX_SCALE, _FLIP_SCALE = 0.02, 2.0
_SLOPE_REACH = 0.02


def dgpi(
    net_gex: float,
    adv_20: float | None,
    *,
    spot: float | None,
    flip: float | None,
    hv_20: float | None,
    flip_direction: FlipDirection = FlipDirection.UPWARD,
) -> float | None:
    """Dealer gamma pressure index, version 2, in [-100, 100] and comparable between underlyings.

    `100 (0.7 tanh((net / ADV) / 0.02) + 0.3 d tanh(((S - flip) / S) / (2 sigma_d)))`, sigma_d = HV20 / sqrt(252).
    Without a flip or HV20 the first term has all the weight; without ADV it is None.

    d is +1 where net gamma rises through the flip, as is usual, and -1 where it falls: there dealers are short gamma
    above the flip and long below. So the second term has the sign of the re-priced net gamma at the spot.
    """
    if adv_20 is None:
        return None
    of_gex = math.tanh(net_gex / adv_20 / _GEX_SCALE)
    if spot is None or flip is None or hv_20 is None:
        return 100 * of_gex
    daily = hv_20 / math.sqrt(_SESSIONS_PER_YEAR)
    above = (spot - flip) / spot
    of_flip = math.tanh((-above if flip_direction == FlipDirection.DOWNWARD else above) / (_FLIP_SCALE * daily))
    return 100 * (_GEX_WEIGHT * of_gex + _FLIP_WEIGHT * of_flip)


def dgpi_v1(net_gex: float, gex_slope: float | None = None, iv_rank: float | None = None) -> float:
    """The index as first published, for comparison: it grows with the logarithm of dollars and saturates.

    `sign(net) 10 log10(|net| + 1) (1 + clip(slope / 100, ±0.3)) (0.7 + iv_rank / 333)`, clipped to ±100; a factor whose
    argument is None is 1. Published values had calls negative: with calls positive the sign turns round.

    Args:
        net_gex: dollars per 1 %.
        gex_slope: exposure of strikes within 2 % above the spot less that of those within 2 % below, over 4 % of it.
        iv_rank: 0 to 100.
    """
    index = math.copysign(10 * math.log10(abs(net_gex) + 1), net_gex)
    if gex_slope is not None:
        index *= 1 + min(max(gex_slope / 100, -0.3), 0.3)
    if iv_rank is not None:
        index *= 0.7 + iv_rank / 333
    return min(max(index, -100.0), 100.0)


def strike_slope(chain: Chain) -> float | None:
    """Net exposure of strikes from the spot to 2 % above, less that down to 2 % below, per 1 of spot."""
    if chain.spot is None:
        return None
    table = gex_by_strike(chain)
    distance = table.strike / chain.spot - 1
    above = float(np.nansum(table.net_gex[(distance >= 0) & (distance <= _SLOPE_REACH)]))
    below = float(np.nansum(table.net_gex[(distance < 0) & (distance >= -_SLOPE_REACH)]))
    return (above - below) / (2 * _SLOPE_REACH * chain.spot)
