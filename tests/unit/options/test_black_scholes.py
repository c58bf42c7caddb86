"""Greeks against worked values, the standard library and finite differences."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.options import black_scholes as bs

MONTH = 30 / 365

options = st.fixed_dictionaries(
    {
        "spot": st.floats(50, 200),
        "strike": st.floats(50, 200),
        "years": st.floats(5 / 365, 2),
        "volatility": st.floats(0.1, 1.5),
        "rate": st.floats(-0.02, 0.1),
        "dividend_yield": st.floats(0, 0.08),
    }
)


def price_by_hand(option: dict[str, float], sign: int) -> float:
    """The textbook formula with `statistics.NormalDist`."""
    spot, strike, years, volatility = (option[name] for name in ("spot", "strike", "years", "volatility"))
    rate, dividend_yield = option["rate"], option["dividend_yield"]
    normal = NormalDist()
    d1 = (math.log(spot / strike) + (rate - dividend_yield + volatility**2 / 2) * years) / (volatility * years**0.5)
    d2 = d1 - volatility * years**0.5
    carried = spot * math.exp(-dividend_yield * years) * normal.cdf(sign * d1)
    return sign * (carried - strike * math.exp(-rate * years) * normal.cdf(sign * d2))


def test_worked_values() -> None:
    assert bs.gamma(100, 100, MONTH, 0.25) == pytest.approx(0.055626, abs=5e-7)
    assert bs.delta(100, 100, MONTH, 0.25, is_call=True) == pytest.approx(0.514294, abs=5e-7)
    assert bs.delta(100, 100, MONTH, 0.25, is_call=False) == pytest.approx(-0.485706, abs=5e-7)
    assert bs.gamma(100, 100, MONTH, 0.25, rate=0.045, dividend_yield=0.013) == pytest.approx(0.055456, abs=5e-7)


@given(options, st.sampled_from([1, -1]))
def test_price_is_the_textbook_one(option: dict[str, float], sign: int) -> None:
    mine = float(bs.price(**option, is_call=sign > 0))

    assert mine == pytest.approx(price_by_hand(option, sign), abs=1e-9)
    assert mine >= -1e-12


@given(options)
def test_put_call_parity(option: dict[str, float]) -> None:
    years, rate, q = option["years"], option["rate"], option["dividend_yield"]
    forward = option["spot"] * math.exp(-q * years) - option["strike"] * math.exp(-rate * years)

    assert float(bs.price(**option, is_call=True) - bs.price(**option, is_call=False)) == pytest.approx(
        forward, abs=1e-9
    )
    difference = bs.delta(**option, is_call=True) - bs.delta(**option, is_call=False)
    assert float(difference) == pytest.approx(math.exp(-q * years), abs=1e-12)


@given(options, st.booleans())
def test_greeks_are_the_derivatives_of_the_price(option: dict[str, float], is_call: bool) -> None:
    def value(**changed: float) -> float:
        return price_by_hand(option | changed, 1 if is_call else -1)

    def slope(name: str, step: float) -> float:
        return (value(**{name: option[name] + step}) - value(**{name: option[name] - step})) / (2 * step)

    step = 1e-3 * option["spot"]
    bend = (value(spot=option["spot"] + step) - 2 * value() + value(spot=option["spot"] - step)) / step**2
    both: dict[str, Any] = option
    assert float(bs.delta(**both, is_call=is_call)) == pytest.approx(slope("spot", 1e-4), abs=1e-6)
    assert float(bs.gamma(**both)) == pytest.approx(bend, rel=5e-3, abs=1e-6)
    assert float(bs.vega(**both)) == pytest.approx(slope("volatility", 1e-5) / 100, rel=1e-4, abs=1e-7)
    assert float(bs.theta(**both, is_call=is_call)) == pytest.approx(-slope("years", 1e-6) / 365, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["spot", "strike", "years", "volatility"])
def test_what_cannot_be_priced_is_unknown(name: str, wrong: float) -> None:
    option: dict[str, Any] = {"spot": 100.0, "strike": 100.0, "years": 0.1, "volatility": 0.2} | {name: wrong}

    for value in (
        bs.price(**option, is_call=True),
        bs.delta(**option, is_call=False),
        bs.gamma(**option),
        bs.theta(**option, is_call=True),
        bs.vega(**option),
    ):
        assert np.isnan(value)


def test_arguments_broadcast() -> None:
    spots, strikes = np.linspace(80, 120, 5)[:, None], np.array([90.0, np.nan, 110.0])

    gammas = bs.gamma(spots, strikes, MONTH, 0.25)

    assert gammas.shape == (5, 3)
    assert gammas[2, 2] == bs.gamma(100, 110, MONTH, 0.25)
    assert np.isnan(gammas[:, 1]).all()
    assert not np.isnan(gammas[:, [0, 2]]).any()
