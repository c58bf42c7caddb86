"""Gamma exposure (GEX) of dealers and the spot at which it vanishes.

The sign is a convention, not an observation: customers are taken to have sold the calls and bought the puts, so that
dealers are long the gamma of calls and short that of puts. It is weakest for single names with much call buying.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq

from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Bools, Chain

ONE_PERCENT = 0.01
FLIP_RANGE = 0.2
"""The zero of net gamma is looked for within this share of the spot, on both sides."""
FLIP_POINTS = 401

_ROUNDING = 1e-9
"""A net exposure smaller than this share of the gross one is calls and puts that cancel."""
_CELLS = 32_768
"""Spots times contracts that are priced at once: a quarter of a megabyte, which stays in the processor's cache."""


class FlipStatus(StrEnum):
    """What the re-priced profile does in the range."""

    FOUND = "FOUND"
    NO_CROSS_POSITIVE = "NO_CROSS_POSITIVE"
    NO_CROSS_NEGATIVE = "NO_CROSS_NEGATIVE"
    UNKNOWN = "UNKNOWN"


class FlipDirection(StrEnum):
    """Which way net gamma goes through the flip as the spot rises: upward it is positive above and negative below."""

    UPWARD = "upward"
    DOWNWARD = "downward"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class GexTotals:
    """Sums over contracts, in dollars of delta hedge per move of 1 % in the spot.

    Attributes:
        call_gex: >= 0.
        put_gex: <= 0.
        net_gex: their sum.
        gross_gex: sum of absolute values.
        gex_ratio: net / gross, in [-1, 1]; None if gross is 0.
    """

    call_gex: float
    put_gex: float
    net_gex: float
    gross_gex: float
    gex_ratio: float | None


@dataclass(frozen=True, eq=False)
class GexByStrike:
    """Exposure and open interest a strike, ascending. A side of which nothing is known is NaN.

    Attributes:
        strike: price per share, each once.
        call_gex: dollars per 1 %.
        put_gex: likewise.
        net_gex: the sum of the sides that are known.
        call_oi: contracts.
        put_oi: contracts.
    """

    strike: Floats
    call_gex: Floats
    put_gex: Floats
    net_gex: Floats
    call_oi: Floats
    put_oi: Floats


@dataclass(frozen=True)
class GammaFlip:
    """Where net gamma changes sign.

    Attributes:
        level: the crossing nearest to the spot, the lower one of two as near; None if there is none.
        direction: of that crossing.
        levels: all crossings, ascending.
        status: what the profile does.
        slope: derivative of the profile at the spot, dollars per 1 % and 1 of spot; None if unknown.
        coverage: share of the open interest that could be re-priced, in [0, 1]; None without open interest.
    """

    level: float | None
    direction: FlipDirection
    levels: tuple[float, ...]
    status: FlipStatus
    slope: float | None
    coverage: float | None


def contract_gex(chain: Chain) -> Floats:
    """`sign * gamma * open interest * multiplier * S² * 0.01` of each contract; NaN where a part is unknown."""
    spot = np.nan if chain.spot is None else chain.spot
    return chain.sign * chain.gamma * chain.open_interest * chain.multiplier * spot**2 * ONE_PERCENT


def gex_by_strike(chain: Chain, *, max_dte: int | None = None) -> GexByStrike:
    """Sum exposure and open interest a strike.

    Args:
        chain: the contracts.
        max_dte: longest time to expiry that counts, calendar days.
    """
    counts = np.full(len(chain), True) if max_dte is None else chain.dte <= max_dte
    strikes, places = np.unique(chain.strike[counts], return_inverse=True)
    gex, open_interest, is_call = contract_gex(chain)[counts], chain.open_interest[counts], chain.is_call[counts]

    def sums(values: Floats, is_counted: Bools) -> Floats:
        is_known = is_counted & ~np.isnan(values)
        known = np.bincount(places[is_known], minlength=len(strikes))
        return np.where(known > 0, np.bincount(places[is_known], values[is_known], len(strikes)), np.nan)

    return GexByStrike(
        strike=strikes,
        call_gex=sums(gex, is_call),
        put_gex=sums(gex, ~is_call),
        net_gex=sums(gex, np.full(len(gex), True)),
        call_oi=sums(open_interest, is_call),
        put_oi=sums(open_interest, ~is_call),
    )


def gex_totals(chain: Chain) -> GexTotals | None:
    """Sums over all contracts; None if of none the exposure is known."""
    gex = contract_gex(chain)
    if np.isnan(gex).all():
        return None
    call, put = (float(np.nansum(gex[is_side])) for is_side in (chain.is_call, ~chain.is_call))
    gross = call - put
    return GexTotals(call, put, call + put, gross, (call + put) / gross if gross > 0 else None)


def gamma_profile(chain: Chain, spots: Floats) -> tuple[Floats, Floats]:
    """Net and gross exposure if the spot were elsewhere, dollars per 1 %; NaN where it is not positive.

    Each contract keeps its implied volatility (sticky strike) and is re-priced by Black–Scholes–Merton.
    Contracts without IV or open interest are left out; without any, both are 0 everywhere.
    """
    return _profile(chain)(spots)


def gamma_flip(chain: Chain) -> GammaFlip:
    """The zero of net gamma by re-pricing on 401 spots within 20 % of the spot, each sign change refined."""
    coverage = _coverage(chain)
    if chain.spot is None:
        return GammaFlip(None, FlipDirection.UNKNOWN, (), FlipStatus.UNKNOWN, None, coverage)
    profile = _profile(chain)
    spots = chain.spot * np.linspace(1 - FLIP_RANGE, 1 + FLIP_RANGE, FLIP_POINTS)
    net, gross = profile(spots)
    signed = np.flatnonzero(np.abs(net) > _ROUNDING * gross)
    if not len(signed):
        return GammaFlip(None, FlipDirection.UNKNOWN, (), FlipStatus.UNKNOWN, None, coverage)

    def net_at(spot: float) -> float:
        return float(profile(np.array([spot]))[0][0])

    is_positive = net[signed] > 0
    turns = np.flatnonzero(is_positive[1:] != is_positive[:-1])
    levels = tuple(float(brentq(net_at, spots[signed[turn]], spots[signed[turn + 1]])) for turn in turns)
    middle = FLIP_POINTS // 2
    slope = float((net[middle + 1] - net[middle - 1]) / (spots[middle + 1] - spots[middle - 1]))
    if levels:
        nearest = min(range(len(levels)), key=lambda place: (abs(levels[place] - spots[middle]), levels[place]))
        direction = FlipDirection.UPWARD if is_positive[turns[nearest] + 1] else FlipDirection.DOWNWARD
        return GammaFlip(levels[nearest], direction, levels, FlipStatus.FOUND, slope, coverage)
    status = FlipStatus.NO_CROSS_POSITIVE if is_positive[0] else FlipStatus.NO_CROSS_NEGATIVE
    return GammaFlip(None, FlipDirection.UNKNOWN, (), status, slope, coverage)


def _profile(chain: Chain) -> Callable[[Floats], tuple[Floats, Floats]]:
    """`gamma_profile` of a chain, with all that does not depend on the spot worked out once.

    With `u = sqrt(1/2) / (sigma sqrt(T))` and `v = u ((r - q + sigma²/2) T - ln K)` a contract is worth, per share,
    `gamma S² * 0.01 = S * 0.01 * e^(-qT) / sqrt(pi) * u * exp(-(u ln S + v)²)`: of what depends on both the spot and
    the contract nothing but an exponential is left.
    """
    is_priced = _is_priced(chain)
    strike, years, iv = chain.strike[is_priced], chain.years[is_priced], chain.pricing_iv[is_priced]
    u = np.sqrt(0.5 / years) / iv
    v = u * ((chain.rate - chain.dividend_yield + iv * iv / 2) * years - np.log(strike))
    shares = chain.open_interest[is_priced] * chain.multiplier[is_priced]
    gross = shares * np.exp(-chain.dividend_yield * years) * u / np.sqrt(np.pi)
    weights = np.stack([chain.sign[is_priced] * gross, gross])

    def profile(spots: Floats) -> tuple[Floats, Floats]:
        known = np.where(spots > 0, spots, np.nan)
        parts = []
        for block in np.array_split(np.log(known), max(1, -(-len(spots) * len(strike) // _CELLS))):
            cells = np.multiply.outer(block, u)
            cells += v
            cells *= -cells
            np.exp(cells, out=cells)
            # Not a product of matrices, whose threads and order of summation are the machine's.
            parts.append(np.einsum("sc,wc->ws", cells, weights))
        of_net, of_gross = np.concatenate(parts, axis=1) * known * ONE_PERCENT
        return of_net, of_gross

    return profile


def _is_priced(chain: Chain) -> Bools:
    """The contracts that can be re-priced and have weight."""
    return ~np.isnan(chain.pricing_iv) & (chain.open_interest > 0)


def _coverage(chain: Chain) -> float | None:
    everything = float(np.nansum(chain.open_interest))
    return float(chain.open_interest[_is_priced(chain)].sum()) / everything if everything > 0 else None
