"""Implied volatility of an underlying: constant maturities, skew, put/call ratios, and the rank in its own history."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kapman_assets.options.black_scholes import DAYS_PER_YEAR, Floats
from kapman_assets.options.chain import Chain, total
from kapman_assets.options.reasons import Reason
from kapman_assets.options.smile import Smile, is_usable, smiles

SKEW_DTE = 30
SKEW_DTE_RANGE = (7, 90)
SKEW_NEAREST = 15
"""Calendar days from 30 within which a single expiry stands for it."""
HISTORY_WINDOW = 252
MIN_HISTORY = 60


@dataclass(frozen=True)
class IvRank:
    """The place of a volatility in its own history.

    Attributes:
        iv_rank: 0 to 100 between the lowest and the highest of the window, this session included.
        iv_percentile: per cent of the sessions before that were strictly lower.
        history_n: sessions before, within the window, of which the value is known.
        reason: why either is None; FLAT_HISTORY leaves the percentile known.
    """

    iv_rank: float | None
    iv_percentile: float | None
    history_n: int
    reason: Reason | None


@dataclass(frozen=True)
class VolatilityMetrics:
    """One session of one underlying. Volatilities are decimals a year; differences are in vol points (0.01).

    Attributes:
        iv_30d, iv_60d, iv_90d: at the money, constant maturity.
        term_structure: `(iv_90d - iv_30d) * 100`, vol points; positive is contango.
        term_ratio: iv_90d / iv_30d.
        term_slope_30d: vol points per 30 days between 30 and 90 days.
        skew_25d: 25-delta put less call at 30 days, vol points.
        skew_25d_norm: the same over the at-the-money volatility, a ratio.
        bf_25d: 25-delta butterfly at 30 days, vol points.
        average_iv: mean over contracts.
        weighted_iv: mean weighted with open interest.
        pcr_oi, pcr_volume: puts over calls.
        oi_turnover: volume over open interest.
        expected_move_30d: one standard deviation in 30 days, price per share.
        iv_rank, iv_percentile: of iv_30d in its own history, 0 to 100.
        history_n: sessions before that these rest on.
        contracts_analyzed: contracts with a usable volatility.
        smiles: the single expiries.
        null_reasons: for each field that is None, why.
    """

    iv_30d: float | None
    iv_60d: float | None
    iv_90d: float | None
    term_structure: float | None
    term_ratio: float | None
    term_slope_30d: float | None
    skew_25d: float | None
    skew_25d_norm: float | None
    bf_25d: float | None
    average_iv: float | None
    weighted_iv: float | None
    pcr_oi: float | None
    pcr_volume: float | None
    oi_turnover: float | None
    expected_move_30d: float | None
    iv_rank: float | None
    iv_percentile: float | None
    history_n: int
    contracts_analyzed: int
    smiles: tuple[Smile, ...]
    null_reasons: Mapping[str, Reason]


def volatility_metrics(chain: Chain, iv_history: npt.ArrayLike) -> VolatilityMetrics:
    """Everything about the implied volatility of one underlying and session.

    Args:
        chain: the contracts.
        iv_history: iv_30d of the sessions before this one, oldest first; NaN for a session without.
    """
    curve = smiles(chain)
    terms = [(smile.dte, smile.atm_iv) for smile in curve if smile.atm_iv is not None]
    iv_30d, iv_60d, iv_90d = (constant_maturity_iv(terms, dte) for dte in (30, 60, 90))
    term = None if iv_30d is None or iv_90d is None else (iv_90d - iv_30d) * 100
    usable = is_usable(chain.iv)
    iv, iv_weight = chain.iv[usable], chain.open_interest[usable]
    rank = iv_rank(iv_history, iv_30d)
    open_interest, volume = _by_side(chain, chain.open_interest), _by_side(chain, chain.volume)
    values = {
        "iv_30d": iv_30d,
        "iv_60d": iv_60d,
        "iv_90d": iv_90d,
        "term_structure": term,
        "term_ratio": None if iv_30d is None or iv_90d is None else iv_90d / iv_30d,
        "term_slope_30d": None if term is None else term / 2,
        "skew_25d": at_30_days([(smile.dte, smile.skew_25d) for smile in curve]),
        "skew_25d_norm": at_30_days([(smile.dte, smile.skew_25d_norm) for smile in curve]),
        "bf_25d": at_30_days([(smile.dte, smile.bf_25d) for smile in curve]),
        "average_iv": float(iv.mean()) if len(iv) else None,
        "weighted_iv": _ratio(total(iv * iv_weight), total(iv_weight)),
        "pcr_oi": _ratio(open_interest[1], open_interest[0]),
        "pcr_volume": _ratio(volume[1], volume[0]),
        "oi_turnover": _ratio(total(chain.volume), total(chain.open_interest)),
        "expected_move_30d": expected_move(chain.spot, iv_30d, 30),
        "iv_rank": rank.iv_rank,
        "iv_percentile": rank.iv_percentile,
    }
    return VolatilityMetrics(
        **values,
        history_n=rank.history_n,
        contracts_analyzed=len(iv),
        smiles=curve,
        null_reasons={
            name: _why(name, chain, has_iv=bool(terms), rank=rank, oi=open_interest, volume=volume)
            for name, value in values.items()
            if value is None
        },
    )


def constant_maturity_iv(terms: Sequence[tuple[int, float]], dte: int) -> float | None:
    """At-the-money volatility of a maturity, linear in total variance between the expiries around it.

    `w(T) = IV² T` is interpolated, `IV = sqrt(w(T) / T)`; None beyond the first and the last expiry.

    Args:
        terms: days to expiry and volatility, ascending, each expiry once.
        dte: the maturity, calendar days.
    """
    variance = _linear([(days, iv * iv * days) for days, iv in terms], dte)
    return None if variance is None else math.sqrt(variance / dte)


def at_30_days(values: Sequence[tuple[int, float | None]]) -> float | None:
    """A measure of single expiries at 30 days, linear in time between the two around it.

    Expiries of 7 to 90 days count. With none on one side the nearest stands for it if it is within 15 days.
    """
    shortest, longest = SKEW_DTE_RANGE
    known = [(days, value) for days, value in values if value is not None and shortest <= days <= longest]
    between = _linear(known, SKEW_DTE)
    if between is not None or not known:
        return between
    days, value = min(known, key=lambda point: abs(point[0] - SKEW_DTE))
    return value if abs(days - SKEW_DTE) <= SKEW_NEAREST else None


def iv_rank(
    history: npt.ArrayLike, current: float | None, *, window: int = HISTORY_WINDOW, least: int = MIN_HISTORY
) -> IvRank:
    """Rank and percentile of a volatility among the sessions before it.

    Args:
        history: values of the sessions before, oldest first; NaN where unknown.
        current: this session's value.
        window: sessions before that count.
        least: known values needed.
    """
    before = np.asarray(history, dtype=np.float64)[-window:]
    before = before[np.isfinite(before)]
    if current is None or not math.isfinite(current):
        return IvRank(None, None, len(before), Reason.NO_IV)
    if len(before) < max(least, 1):
        return IvRank(None, None, len(before), Reason.SHORT_HISTORY)
    percentile = 100 * float((before < current).mean())
    low, high = min(float(before.min()), current), max(float(before.max()), current)
    if high == low:
        return IvRank(None, percentile, len(before), Reason.FLAT_HISTORY)
    return IvRank(100 * (current - low) / (high - low), percentile, len(before), None)


def expected_move(spot: float | None, iv: float | None, dte: int) -> float | None:
    """One standard deviation of the price in some calendar days: `S IV sqrt(DTE / 365)`, per share."""
    return None if spot is None or iv is None else spot * iv * math.sqrt(dte / DAYS_PER_YEAR)


def _linear(points: Sequence[tuple[int, float]], at: int) -> float | None:
    """The value at a place between two points, never beyond them."""
    for place, value in points:
        if place == at:
            return value
    for (left, low), (right, high) in pairwise(points):
        if left < at < right:
            return low + (high - low) * (at - left) / (right - left)
    return None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _by_side(chain: Chain, values: Floats) -> tuple[float | None, float | None]:
    """Sums of calls and of puts."""
    return total(values[chain.is_call]), total(values[~chain.is_call])


def _why(
    name: str,
    chain: Chain,
    *,
    has_iv: bool,
    rank: IvRank,
    oi: tuple[float | None, float | None],
    volume: tuple[float | None, float | None],
) -> Reason:
    """Why a field of `VolatilityMetrics` is None."""
    if not len(chain):
        reason = Reason.NO_CONTRACTS
    elif name == "pcr_oi":
        reason = Reason.NO_PUT_OPEN_INTEREST if oi[0] else Reason.NO_CALL_OPEN_INTEREST
    elif name == "pcr_volume":
        reason = Reason.NO_PUT_VOLUME if volume[0] else Reason.NO_CALL_VOLUME
    elif name == "oi_turnover":
        reason = Reason.NO_VOLUME if any(oi) else Reason.NO_OPEN_INTEREST
    elif name == "average_iv":
        reason = Reason.NO_IV
    elif name == "weighted_iv":
        reason = Reason.NO_OPEN_INTEREST if is_usable(chain.iv).any() else Reason.NO_IV
    elif chain.spot is None:
        reason = Reason.NO_SPOT
    elif not has_iv:
        reason = Reason.NO_IV
    elif name in {"iv_rank", "iv_percentile"}:
        reason = rank.reason or Reason.SHORT_HISTORY
    elif "25d" in name:
        reason = Reason.NO_DELTA_BRACKET
    else:
        reason = Reason.NO_BRACKET
    return reason
