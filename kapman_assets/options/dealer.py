"""What dealers' gamma means for an underlying: totals, flip, walls, position, pressure index, and how far to trust it.

The convention of signs is that of `gamma_exposure`: dealers long calls, short puts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kapman_assets.options.chain import Chain, total
from kapman_assets.options.gamma_exposure import (
    FlipDirection,
    FlipStatus,
    GammaFlip,
    GexTotals,
    contract_gex,
    gamma_flip,
    gex_totals,
)
from kapman_assets.options.pressure import dgpi, dgpi_v1, strike_slope
from kapman_assets.options.reasons import Reason
from kapman_assets.options.walls import Basis, MaxPain, Wall, Walls, find_walls, max_pain

FULL_CONTRACTS = 25
LEAST_CONTRACTS = 5
FULL_COVERAGE = 0.8
MAX_AGE = 1
"""Sessions."""
NEUTRAL_BAND = 0.002
"""Net exposure per average daily dollar volume up to which dealers are neither long nor short gamma."""
AT_FLIP = 0.005
"""Share of the spot within which it is at the flip."""


class DealerStatus(StrEnum):
    """How far the metrics can be trusted; INVALID has none."""

    FULL = "FULL"
    LIMITED = "LIMITED"
    INVALID = "INVALID"


class Position(StrEnum):
    """Dealers' net gamma against the trading volume."""

    LONG_GAMMA = "long_gamma"
    SHORT_GAMMA = "short_gamma"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


class FlipSide(StrEnum):
    """The spot against the gamma flip."""

    ABOVE = "above"
    BELOW = "below"
    AT = "at"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DealerMetrics:
    """One session of one underlying. GEX is in dollars of delta hedge per 1 % move; levels are raw prices.

    Attributes:
        dealer_status: FULL, LIMITED or INVALID.
        status_reasons: why it is not FULL.
        contracts: rows received.
        contracts_non_standard: adjusted contracts, left out.
        contracts_used: with open interest and gamma.
        total_oi: contracts of open interest, standard and unexpired.
        oi_without_gamma: those of it that no gamma is known of.
        oi_coverage: share of total_oi with gamma, in [0, 1].
        call_gex, put_gex, net_gex, gross_gex: sums over contracts.
        gex_ratio: net / gross, in [-1, 1].
        gex_pct_adv: net / average daily dollar volume, as a fraction.
        gex_slope: derivative of the re-priced net exposure at the spot, dollars per 1 % and 1 of spot.
        gamma_flip_level: re-priced zero of net gamma nearest to the spot.
        flip_direction: whether net gamma rises through that level, so that it is positive above it, or falls.
        gamma_flip_levels: all of them within 20 % of the spot.
        flip_status: whether there is one.
        flip_coverage: share of open interest that was re-priced.
        call_wall, put_wall: highest walls by gamma.
        call_wall_oi, put_wall_oi: highest walls by open interest.
        call_wall_above_spot: highest call wall by gamma above the spot.
        call_walls, put_walls: the top three by gamma.
        call_walls_oi, put_walls_oi: the top three by open interest.
        max_pain: of the nearest expiry that has one.
        max_pains: of each expiry.
        dealer_position: net gamma against trading volume.
        position_vs_flip: spot against the flip.
        dgpi: dealer gamma pressure index, version 2.
        dgpi_has_flip: whether the index holds its second term.
        dgpi_v1: the first version, in this convention of signs.
        null_reasons: for each of these fields that is None, why.
    """

    dealer_status: DealerStatus
    status_reasons: tuple[Reason, ...]
    contracts: int
    contracts_non_standard: int
    contracts_used: int
    total_oi: float | None
    oi_without_gamma: float | None
    oi_coverage: float | None
    call_gex: float | None
    put_gex: float | None
    net_gex: float | None
    gross_gex: float | None
    gex_ratio: float | None
    gex_pct_adv: float | None
    gex_slope: float | None
    gamma_flip_level: float | None
    flip_direction: FlipDirection
    gamma_flip_levels: tuple[float, ...]
    flip_status: FlipStatus
    flip_coverage: float | None
    call_wall: float | None
    put_wall: float | None
    call_wall_oi: float | None
    put_wall_oi: float | None
    call_wall_above_spot: float | None
    call_walls: tuple[Wall, ...]
    put_walls: tuple[Wall, ...]
    call_walls_oi: tuple[Wall, ...]
    put_walls_oi: tuple[Wall, ...]
    max_pain: float | None
    max_pains: tuple[MaxPain, ...]
    dealer_position: Position
    position_vs_flip: FlipSide
    dgpi: float | None
    dgpi_has_flip: bool
    dgpi_v1: float | None
    null_reasons: Mapping[str, Reason]


def dealer_metrics(
    chain: Chain,
    *,
    adv_20: float | None,
    hv_20: float | None,
    iv_rank: float | None = None,
    is_complete: bool = True,
    age: int = 0,
) -> DealerMetrics:
    """Everything about dealers of one underlying and session.

    Args:
        chain: the contracts.
        adv_20: average daily dollar volume of the underlying, 20 sessions.
        hv_20: its historical volatility of 20 sessions, decimal a year.
        iv_rank: 0 to 100, a weight of `dgpi_v1` only.
        is_complete: whether every page of the chain came.
        age: sessions between the chain and the session it is used for.
    """
    adv, hv = _positive(adv_20), _positive(hv_20)
    has_gamma = ~np.isnan(contract_gex(chain))
    used = int((has_gamma & (chain.open_interest > 0)).sum())
    total_oi = total(chain.open_interest)
    without = None if total_oi is None else float(np.nansum(chain.open_interest[~has_gamma]))
    coverage = 1 - without / total_oi if total_oi and without is not None else None
    status, reasons = _judge(chain, used, coverage, is_complete=is_complete, age=age)
    is_valid = status != DealerStatus.INVALID
    totals = gex_totals(chain) if is_valid else None
    flip = gamma_flip(chain) if is_valid else GammaFlip(None, FlipDirection.UNKNOWN, (), FlipStatus.UNKNOWN, None, None)
    by_gamma = find_walls(chain, Basis.GAMMA) if is_valid else Walls((), (), None)
    by_oi = find_walls(chain, Basis.OPEN_INTEREST) if is_valid else Walls((), (), None)
    pains = max_pain(chain) if is_valid else ()
    net = totals.net_gex if totals else None
    values = {
        "total_oi": total_oi,
        "oi_without_gamma": without,
        "oi_coverage": coverage,
        "call_gex": totals.call_gex if totals else None,
        "put_gex": totals.put_gex if totals else None,
        "net_gex": net,
        "gross_gex": totals.gross_gex if totals else None,
        "gex_ratio": totals.gex_ratio if totals else None,
        "gex_pct_adv": None if net is None or adv is None else net / adv,
        "gex_slope": flip.slope,
        "gamma_flip_level": flip.level,
        "flip_coverage": flip.coverage,
        "call_wall": _highest(by_gamma.calls),
        "put_wall": _highest(by_gamma.puts),
        "call_wall_oi": _highest(by_oi.calls),
        "put_wall_oi": _highest(by_oi.puts),
        "call_wall_above_spot": by_gamma.call_above_spot.strike if by_gamma.call_above_spot else None,
        "max_pain": pains[0].strike if pains else None,
        "dgpi": None
        if net is None
        else dgpi(net, adv, spot=chain.spot, flip=flip.level, hv_20=hv, flip_direction=flip.direction),
        "dgpi_v1": None if net is None else dgpi_v1(net, strike_slope(chain), iv_rank),
    }
    return DealerMetrics(
        dealer_status=status,
        status_reasons=reasons,
        contracts=chain.contracts,
        contracts_non_standard=chain.non_standard,
        contracts_used=used,
        gamma_flip_levels=flip.levels,
        flip_direction=flip.direction,
        flip_status=flip.status,
        call_walls=by_gamma.calls,
        put_walls=by_gamma.puts,
        call_walls_oi=by_oi.calls,
        put_walls_oi=by_oi.puts,
        max_pains=pains,
        dealer_position=dealer_position(net, adv),
        position_vs_flip=position_vs_flip(chain.spot, flip.level),
        dgpi_has_flip=values["dgpi"] is not None and flip.level is not None and hv is not None,
        null_reasons={
            name: _why(name, reasons, is_valid=is_valid, flip=flip, totals=totals)
            for name, value in values.items()
            if value is None
        },
        **values,
    )


def dealer_position(net_gex: float | None, adv_20: float | None) -> Position:
    """Long or short gamma beyond 0.2 % of the average daily dollar volume, else neutral."""
    if net_gex is None or adv_20 is None:
        return Position.UNKNOWN
    z = net_gex / adv_20
    if abs(z) <= NEUTRAL_BAND:
        return Position.NEUTRAL
    return Position.LONG_GAMMA if z > 0 else Position.SHORT_GAMMA


def position_vs_flip(spot: float | None, flip: float | None) -> FlipSide:
    """Where the spot is; within 0.5 % of itself it is at the flip. What that means depends on the flip's direction."""
    if spot is None or flip is None:
        return FlipSide.UNKNOWN
    if abs(spot - flip) / spot <= AT_FLIP:
        return FlipSide.AT
    return FlipSide.ABOVE if spot > flip else FlipSide.BELOW


def _judge(
    chain: Chain, used: int, coverage: float | None, *, is_complete: bool, age: int
) -> tuple[DealerStatus, tuple[Reason, ...]]:
    """The status, and all that keeps it from being FULL."""
    if chain.spot is None:
        return DealerStatus.INVALID, (Reason.NO_SPOT,)
    if not len(chain):
        return DealerStatus.INVALID, (Reason.NO_CONTRACTS,)
    if coverage is None:
        return DealerStatus.INVALID, (Reason.NO_OPEN_INTEREST,)
    too_few = used < LEAST_CONTRACTS
    found = {
        Reason.TOO_FEW_CONTRACTS: too_few,
        Reason.FEW_CONTRACTS: not too_few and used < FULL_CONTRACTS,
        Reason.LOW_COVERAGE: coverage < FULL_COVERAGE,
        Reason.CHAIN_INCOMPLETE: not is_complete,
        Reason.CHAIN_STALE: age > MAX_AGE,
    }
    reasons = tuple(reason for reason, is_so in found.items() if is_so)
    if too_few:
        return DealerStatus.INVALID, reasons
    return DealerStatus.LIMITED if reasons else DealerStatus.FULL, reasons


def _why(
    name: str, status_reasons: tuple[Reason, ...], *, is_valid: bool, flip: GammaFlip, totals: GexTotals | None
) -> Reason:
    """Why a field of `DealerMetrics` is None."""
    if name in {"total_oi", "oi_without_gamma", "oi_coverage"}:
        return Reason.NO_OPEN_INTEREST
    if not is_valid or totals is None:
        return status_reasons[0]
    if name == "gamma_flip_level" and flip.status != FlipStatus.UNKNOWN:
        return Reason.NO_CROSSING
    return {
        "gex_ratio": Reason.NO_GROSS_EXPOSURE,
        "gex_pct_adv": Reason.NO_ADV,
        "dgpi": Reason.NO_ADV,
        "max_pain": Reason.ONE_SIDED,
    }.get(name, Reason.NO_STRIKE_IN_RANGE if "wall" in name else Reason.NO_PROFILE)


def _highest(walls: tuple[Wall, ...]) -> float | None:
    return walls[0].strike if walls else None


def _positive(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) and value > 0 else None
