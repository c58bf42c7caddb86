"""Options by Black and Scholes (1973) without interest and dividends, vectorised.

With r = q = 0 an American option is worth as much as a European one, so that one formula serves the vendor's
contracts. The implied volatility comes from `surface`.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from kapman_resources.simulation.traits import Bools, Floats

DAYS_PER_YEAR = 365


class Values(NamedTuple):
    """Per share of the underlying: price in USD, delta, gamma per USD, theta per day, vega per vol point.

    A contract that has expired is worth its intrinsic value and has no greeks (NaN).
    """

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats


def value(spot: Floats, strike: Floats, years: Floats, volatility: Floats, is_call: Bools) -> Values:
    """Value contracts; arrays of equal length, `years` 0 for an expired one."""
    sign = np.where(is_call, 1.0, -1.0)
    intrinsic = np.maximum(sign * (spot - strike), 0)
    is_live = years > 0
    root = np.sqrt(np.where(is_live, years, np.nan))
    deviation = volatility * root
    d1 = np.log(spot / strike) / deviation + deviation / 2
    density = np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
    price = sign * (spot * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))
    return Values(
        price=np.where(is_live, np.maximum(price, intrinsic), intrinsic),
        delta=sign * ndtr(sign * d1),
        gamma=density / (spot * deviation),
        theta=-spot * density * volatility / (2 * root) / DAYS_PER_YEAR,
        vega=spot * density * root / 100,
    )
