"""European options by Black–Scholes–Merton, vectorised: a constant rate and a continuous dividend yield.

Every argument broadcasts. Prices are per share of the underlying. Where spot, strike, years or volatility is not a
positive finite number, or a rate is not finite, the result is NaN.

    d1 = (ln(S/K) + (r - q + sigma²/2) T) / (sigma sqrt(T)),    d2 = d1 - sigma sqrt(T)
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

DAYS_PER_YEAR = 365
_VOL_POINT = 0.01

Floats = npt.NDArray[np.float64]


class _Terms(NamedTuple):
    spot: Floats
    strike: Floats
    years: Floats
    volatility: Floats
    rate: Floats
    dividend_yield: Floats
    d1: Floats
    d2: Floats


def price(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    is_call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
    dividend_yield: npt.ArrayLike = 0.0,
) -> Floats:
    """Value in currency per share: `s (S e^(-qT) N(s d1) - K e^(-rT) N(s d2))`, s = +1 for a call and -1 for a put."""
    t = _terms(spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield)
    s = _sign(is_call)
    carried = t.spot * np.exp(-t.dividend_yield * t.years)
    discounted = t.strike * np.exp(-t.rate * t.years)
    return np.asarray(s * (carried * ndtr(s * t.d1) - discounted * ndtr(s * t.d2)))


def delta(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    is_call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
    dividend_yield: npt.ArrayLike = 0.0,
) -> Floats:
    """Change of the price per 1 of spot: `s e^(-qT) N(s d1)`; calls in [0, 1], puts in [-1, 0]."""
    t = _terms(spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield)
    s = _sign(is_call)
    return np.asarray(s * np.exp(-t.dividend_yield * t.years) * ndtr(s * t.d1))


def gamma(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    rate: npt.ArrayLike = 0.0,
    dividend_yield: npt.ArrayLike = 0.0,
) -> Floats:
    """Change of delta per 1 of spot, the same for calls and puts: `e^(-qT) n(d1) / (S sigma sqrt(T))`."""
    t = _terms(spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield)
    return np.asarray(np.exp(-t.dividend_yield * t.years) * _density(t.d1) / (t.spot * t.volatility * np.sqrt(t.years)))


def theta(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    is_call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
    dividend_yield: npt.ArrayLike = 0.0,
) -> Floats:
    """Change of the price per calendar day that passes: minus its derivative by time to expiry, over 365."""
    t = _terms(spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield)
    s = _sign(is_call)
    carried = t.spot * np.exp(-t.dividend_yield * t.years)
    discounted = t.strike * np.exp(-t.rate * t.years)
    decay = -carried * _density(t.d1) * t.volatility / (2 * np.sqrt(t.years))
    carry = s * (t.dividend_yield * carried * ndtr(s * t.d1) - t.rate * discounted * ndtr(s * t.d2))
    return np.asarray((decay + carry) / DAYS_PER_YEAR)


def vega(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    rate: npt.ArrayLike = 0.0,
    dividend_yield: npt.ArrayLike = 0.0,
) -> Floats:
    """Change of the price per vol point (0.01 of volatility), calls and puts alike: `S e^(-qT) n(d1) sqrt(T) / 100`."""
    t = _terms(spot, strike, years, volatility, rate=rate, dividend_yield=dividend_yield)
    carried = t.spot * np.exp(-t.dividend_yield * t.years)
    return np.asarray(carried * _density(t.d1) * np.sqrt(t.years) * _VOL_POINT)


def _terms(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    *,
    rate: npt.ArrayLike,
    dividend_yield: npt.ArrayLike,
) -> _Terms:
    s, k, t, v = (_positive(values) for values in (spot, strike, years, volatility))
    r, q = (_finite(values) for values in (rate, dividend_yield))
    deviation = v * np.sqrt(t)
    # Not the logarithm of a quotient: this way each is taken on an array before it is broadcast.
    d1 = (np.log(s) - np.log(k) + (r - q + v * v / 2) * t) / deviation
    return _Terms(s, k, t, v, r, q, d1, d1 - deviation)


def _finite(values: npt.ArrayLike) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _positive(values: npt.ArrayLike) -> Floats:
    numbers = _finite(values)
    return np.where(numbers > 0, numbers, np.nan)


def _sign(is_call: npt.ArrayLike) -> Floats:
    return np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)


def _density(x: Floats) -> Floats:
    """The standard normal density."""
    return np.asarray(np.exp(-x * x / 2) / np.sqrt(2 * np.pi))
