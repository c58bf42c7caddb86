"""Gamma exposure (GEX) of dealers and the spot at which it vanishes.

The sign is a convention, not an observation: customers are taken to have sold the calls and bought the puts, so that
dealers are long the gamma of calls and short that of puts. It is weakest for single names with much call buying.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from kapman_assets.options import black_scholes
from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Chain, numbers

ONE_PERCENT = 0.01
FLIP_RANGE = 0.2
"""The zero of net gamma is looked for within this share of the spot, on both sides."""
FLIP_POINTS = 401

_ROUNDING = 1e-9
"""A net exposure smaller than this share of the gross one is calls and puts that cancel."""
_CELLS = 2_000_000
"""Spots times contracts that are priced at once."""


class FlipStatus(StrEnum):
    """What the re-priced profile does in the range."""

    FOUND = "FOUND"
    NO_CROSS_POSITIVE = "NO_CROSS_POSITIVE"
    NO_CROSS_NEGATIVE = "NO_CROSS_NEGATIVE"
    UNKNOWN = "UNKNOWN"


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


@dataclass(frozen=True)
class GammaFlip:
    """Where net gamma changes sign.

    Attributes:
        level: the crossing nearest to the spot, the lower one of two as near; None if there is none.
        levels: all crossings, ascending.
        status: what the profile does.
        slope: derivative of the profile at the spot, dollars per 1 % and 1 of spot; None if unknown.
        coverage: share of the open interest that could be re-priced, in [0, 1]; None without open interest.
    """

    level: float | None
    levels: tuple[float, ...]
    status: FlipStatus
    slope: float | None
    coverage: float | None


def contract_gex(chain: Chain) -> pd.Series:
    """`sign * gamma * open interest * multiplier * S² * 0.01` of each row of the chain; NaN where a part is unknown."""
    rows = chain.rows
    spot = np.nan if chain.spot is None else chain.spot
    return rows["sign"] * rows["gamma"] * rows["open_interest"] * rows["multiplier"] * spot**2 * ONE_PERCENT


def gex_by_strike(chain: Chain, *, max_dte: int | None = None) -> pd.DataFrame:
    """Exposure and open interest a strike: strike, call_gex, put_gex, net_gex, call_oi, put_oi.

    A side of which nothing is known is NaN; net_gex sums the sides that are known.

    Args:
        chain: the contracts.
        max_dte: longest time to expiry that counts, calendar days.
    """
    rows = chain.rows.assign(gex=contract_gex(chain))
    if max_dte is not None:
        rows = rows[rows["dte"] <= max_dte]
    sides: dict[str, pd.Series] = {}
    for side, is_side in (("call", rows["is_call"]), ("put", ~rows["is_call"])):
        sums = rows[is_side].groupby("strike")[["gex", "open_interest"]].sum(min_count=1)
        sides |= {f"{side}_gex": sums["gex"], f"{side}_oi": sums["open_interest"]}
    table = pd.DataFrame(sides).rename_axis("strike").reset_index()
    table["net_gex"] = table[["call_gex", "put_gex"]].sum(axis=1, min_count=1)
    return table[["strike", "call_gex", "put_gex", "net_gex", "call_oi", "put_oi"]]


def gex_totals(chain: Chain) -> GexTotals | None:
    """Sums over all contracts; None if of none the exposure is known."""
    gex = contract_gex(chain)
    if not gex.notna().any():
        return None
    call, put = float(gex[chain.rows["is_call"]].sum()), float(gex[~chain.rows["is_call"]].sum())
    gross = call - put
    return GexTotals(call, put, call + put, gross, (call + put) / gross if gross > 0 else None)


def gamma_profile(chain: Chain, spots: Floats) -> tuple[Floats, Floats]:
    """Net and gross exposure if the spot were elsewhere, dollars per 1 %.

    Each contract keeps its implied volatility (sticky strike) and is re-priced by Black–Scholes–Merton.
    Contracts without IV or open interest are left out; without any, both are 0 everywhere.
    """
    rows = _priced(chain)
    strike, years, iv = (numbers(rows, name) for name in ("strike", "years", "pricing_iv"))
    shares = numbers(rows, "open_interest") * numbers(rows, "multiplier")
    signed = shares * numbers(rows, "sign")
    net, gross = [], []
    for block in np.array_split(spots, max(1, -(-len(spots) * len(rows) // _CELLS))):
        column = block[:, None]
        gamma = black_scholes.gamma(column, strike, years, iv, rate=chain.rate, dividend_yield=chain.dividend_yield)
        dollars = gamma * column**2 * ONE_PERCENT
        net.append(dollars @ signed)
        gross.append(dollars @ shares)
    return np.concatenate(net), np.concatenate(gross)


def gamma_flip(chain: Chain) -> GammaFlip:
    """The zero of net gamma by re-pricing on 401 spots within 20 % of the spot, each sign change refined."""
    coverage = _coverage(chain)
    if chain.spot is None:
        return GammaFlip(None, (), FlipStatus.UNKNOWN, None, coverage)
    spots = chain.spot * np.linspace(1 - FLIP_RANGE, 1 + FLIP_RANGE, FLIP_POINTS)
    net, gross = gamma_profile(chain, spots)
    signed = np.flatnonzero(np.abs(net) > _ROUNDING * gross)
    if not len(signed):
        return GammaFlip(None, (), FlipStatus.UNKNOWN, None, coverage)

    def net_at(spot: float) -> float:
        return float(gamma_profile(chain, np.array([spot]))[0][0])

    positive = net[signed] > 0
    turns = np.flatnonzero(positive[1:] != positive[:-1])
    brackets = [(float(spots[signed[turn]]), float(spots[signed[turn + 1]])) for turn in turns]
    levels = tuple(float(brentq(net_at, low, high)) for low, high in brackets)
    middle = FLIP_POINTS // 2
    slope = float((net[middle + 1] - net[middle - 1]) / (spots[middle + 1] - spots[middle - 1]))
    if levels:
        nearest = min(levels, key=lambda level: (abs(level - spots[middle]), level))
        return GammaFlip(nearest, levels, FlipStatus.FOUND, slope, coverage)
    status = FlipStatus.NO_CROSS_POSITIVE if positive[0] else FlipStatus.NO_CROSS_NEGATIVE
    return GammaFlip(None, (), status, slope, coverage)


def _priced(chain: Chain) -> pd.DataFrame:
    """The rows that can be re-priced and have weight."""
    rows = chain.rows
    return rows[rows["pricing_iv"].notna() & (rows["open_interest"] > 0)]


def _coverage(chain: Chain) -> float | None:
    everything = float(chain.rows["open_interest"].sum())
    return float(_priced(chain)["open_interest"].sum()) / everything if everything > 0 else None
