"""What a position of options costs and can bring: payoff at expiry, bounds, break-evens, chances. Plain arithmetic.

Formulas are those of any textbook; the lognormal chance is Black-Scholes' N(d2) with no drift and no rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from kapman_assets.decisions.contracts import PRICE_BASES, PriceBasis
from kapman_assets.decisions.facts import Contract
from kapman_assets.decisions.idea import Side, Strategy

Floats = npt.NDArray[np.float64]

_DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Position:
    """A leg: a contract, bought or sold, and how many of it."""

    contract: Contract
    side: Side
    quantity: int = 1

    @property
    def sign(self) -> int:
        """1 for bought, -1 for sold contracts, times their number."""
        return self.quantity if self.side == "BUY" else -self.quantity


@dataclass(frozen=True)
class Economics:
    """What a unit of a recommendation is worth.

    Attributes:
        net_price: USD a share of the legs together; paid is positive, received negative.
        max_loss: USD a unit; None where it has no bound.
        max_gain: USD a unit; None where it has no bound.
        break_evens: at expiry, USD a share of the underlying, ascending.
        reward_to_risk: see `reward_to_risk`.
        probability_of_profit: at expiry, 0 to 1.
        pop_method: lognormal, or delta where a volatility is unknown; None where neither is known.
        capital_required: USD a unit: what is paid, set aside for the shares, or at risk.
        price_basis: the least of the legs'.
    """

    net_price: float
    max_loss: float | None
    max_gain: float | None
    break_evens: tuple[float, ...]
    reward_to_risk: float | None
    probability_of_profit: float | None
    pop_method: Literal["lognormal", "delta"] | None
    capital_required: float | None
    price_basis: PriceBasis


def payoff(positions: Sequence[Position], prices: npt.ArrayLike) -> Floats:
    """Profit of a unit at expiry, USD, for each price of the underlying (USD a share); any shape.

    Legs of several expiries have no payoff at one of them.
    """
    at = np.asarray(prices, dtype=np.float64)
    total = np.zeros_like(at)
    for one in positions:
        c = one.contract
        intrinsic = np.maximum(at - c.strike, 0) if c.contract_type == "call" else np.maximum(c.strike - at, 0)
        total = total + one.sign * c.multiplier * (intrinsic - c.price)
    return total


def net_price(positions: Sequence[Position]) -> float:
    """USD a share of the legs together: paid is positive, received negative."""
    return round(sum(one.sign * one.contract.price for one in positions), 4)


def economics(
    positions: Sequence[Position],
    strategy: Strategy,
    close: float,
    *,
    stop_loss: float | None = None,
    profit_target: float | None = None,
) -> Economics:
    """All of it for a unit.

    Args:
        positions: its legs, of one expiry.
        strategy: decides what capital and reward to risk mean.
        close: of the underlying, USD a share.
        stop_loss: of the idea, USD a share.
        profit_target: of the idea, USD a share.
    """
    least, most = _bounds(positions)
    points = break_evens(positions)
    chance, method = _chance(positions, points, close)
    max_loss = None if least is None else round(-least, 2)
    max_gain = None if most is None else round(most, 2)
    if strategy == "VERTICAL_SPREAD":
        ratio = max_gain / max_loss if max_gain is not None and max_loss is not None and max_loss > 0 else None
    else:
        ratio = reward_to_risk(close, stop_loss, profit_target)
    bases = [one.contract.price_basis for one in positions]
    return Economics(
        net_price=net_price(positions),
        max_loss=max_loss,
        max_gain=max_gain,
        break_evens=tuple(round(point, 4) for point in points),
        reward_to_risk=None if ratio is None else round(ratio, 4),
        probability_of_profit=None if chance is None else round(chance, 4),
        pop_method=method,
        # A secured put sets aside the strike less what it brought, which is also the most that it can lose; a bought
        # option costs what it can lose, and a sold spread is margined with it.
        capital_required=max_loss,
        price_basis=max(bases, key=PRICE_BASES.index),
    )


def reward_to_risk(close: float, stop_loss: float | None, profit_target: float | None) -> float | None:
    """Way to the target over way to the stop, of the underlying; None without both, or from a stop at the close."""
    if stop_loss is None or profit_target is None or stop_loss == close:
        return None
    return abs(profit_target - close) / abs(close - stop_loss)


def break_evens(positions: Sequence[Position]) -> list[float]:
    """Prices of the underlying at which a unit neither wins nor loses at expiry, ascending.

    The payoff is straight between strikes, so that each crossing lies on one line. A stretch that is level at nothing
    has no single point.
    """
    knots = _knots(positions)
    values = payoff(positions, knots)
    found = []
    for k in range(len(knots) - 1):
        a, b = values[k], values[k + 1]
        if a * b < 0:
            found.append(float(knots[k] + (knots[k + 1] - knots[k]) * a / (a - b)))
        elif a == 0 and b != 0 and k:
            found.append(float(knots[k]))
    slope = _slope_beyond(positions)
    if slope and values[-1] / slope < 0:
        found.append(float(knots[-1] - values[-1] / slope))
    elif values[-1] == 0 and (slope or values[-2] != 0):
        found.append(float(knots[-1]))
    return sorted(set(found))


def _knots(positions: Sequence[Position]) -> Floats:
    return np.unique([0.0, *(one.contract.strike for one in positions)])


def _slope_beyond(positions: Sequence[Position]) -> float:
    """USD a unit and USD of the underlying above the highest strike."""
    return sum(one.sign * one.contract.multiplier for one in positions if one.contract.contract_type == "call")


def _bounds(positions: Sequence[Position]) -> tuple[float | None, float | None]:
    """The least and the most that a unit can bring, USD; None where there is no bound."""
    values = payoff(positions, _knots(positions))
    slope = _slope_beyond(positions)
    return (None if slope < 0 else float(values.min())), (None if slope > 0 else float(values.max()))


def _chance(
    positions: Sequence[Position], points: Sequence[float], close: float
) -> tuple[float | None, Literal["lognormal", "delta"] | None]:
    """Chance of ending on a side of the break-evens that wins."""
    method: Literal["lognormal", "delta"] = "lognormal"
    above = [_chance_above(positions, point, close) for point in points]
    if any(one is None for one in above):
        method = "delta"
        above = [_delta_above(positions, point) for point in points]
    if any(one is None for one in above):
        return None, None
    edges = [1.0, *(one for one in above if one is not None), 0.0]
    ends = [0.0, *points, 2 * max([*points, *_knots(positions).tolist()]) + 1]
    middles = [(low + high) / 2 for low, high in pairwise(ends)]
    wins = payoff(positions, middles) > 0
    total = sum(edges[k] - edges[k + 1] for k in range(len(middles)) if wins[k])
    return min(max(float(total), 0.0), 1.0), method


def _chance_above(positions: Sequence[Position], price: float, close: float) -> float | None:
    """`N(d2)` at a price, with the legs' volatility there (straight between strikes)."""
    legs = sorted((one.contract for one in positions), key=lambda one: one.strike)
    smile = [(one.strike, one.implied_volatility) for one in legs if one.implied_volatility is not None]
    if len(smile) < len(legs) or price <= 0:
        return None
    sigma = float(np.interp(price, [strike for strike, _ in smile], [iv for _, iv in smile]))
    deviation = sigma * math.sqrt(legs[0].dte / _DAYS_PER_YEAR)
    if not deviation > 0:
        return None
    return float(ndtr((math.log(close / price) - deviation**2 / 2) / deviation))


def _delta_above(positions: Sequence[Position], price: float) -> float | None:
    """The absolute delta of a call at a price, or what that of a put leaves of 1, straight between strikes."""
    legs = sorted((one.contract for one in positions), key=lambda one: one.strike)
    chances = [
        None if one.delta is None else (abs(one.delta) if one.contract_type == "call" else 1 - abs(one.delta))
        for one in legs
    ]
    known = [one for one in chances if one is not None]
    if len(known) < len(legs):
        return None
    return float(np.interp(price, [one.strike for one in legs], known))
