"""Economics against textbook formulas by hand, and what must hold of any position."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from kapman_assets.decisions.economics import Position, break_evens, economics, net_price, payoff, reward_to_risk
from kapman_assets.decisions.facts import Contract
from kapman_assets.decisions.idea import Strategy
from tests.unit.decisions.made import CLOSE, contract


def at(kind: str, strike: float, price: float, side: str = "BUY", **changed: Any) -> Position:
    return Position(contract(kind, strike, price=price, **changed), "BUY" if side == "BUY" else "SELL")


def chance_above(price: float, sigma: float = 0.3, days: int = 45) -> float:
    """P(S_T > price) of a lognormal without drift, by its own mean and deviation."""
    deviation = sigma * math.sqrt(days / 365)
    return float(1 - norm.cdf((math.log(price) - (math.log(CLOSE) - deviation**2 / 2)) / deviation))


@pytest.mark.parametrize(
    ("positions", "strategy", "paid", "loss", "gain", "points", "chance"),
    [
        # max loss = premium; break-even = strike + premium
        ([at("call", 100, 4.0)], "LONG_CALL", 4.0, 400, None, (104.0,), chance_above(104)),
        # max gain = (strike - premium) x 100
        ([at("put", 100, 3.5)], "LONG_PUT", 3.5, 350, 9650, (96.5,), 1 - chance_above(96.5)),
        # a secured put keeps its credit, and can lose the strike less the credit
        ([at("put", 95, 1.5, "SELL")], "CSP", -1.5, 9350, 150, (93.5,), chance_above(93.5)),
        # bull call: loss = debit, gain = width - debit, break-even = low strike + debit
        (
            [at("call", 100, 4.0), at("call", 106, 1.8, "SELL")],
            "VERTICAL_SPREAD",
            2.2,
            220,
            380,
            (102.2,),
            chance_above(102.2),
        ),
        # bear put: break-even = high strike - debit
        (
            [at("put", 100, 3.5), at("put", 94, 1.3, "SELL")],
            "VERTICAL_SPREAD",
            2.2,
            220,
            380,
            (97.8,),
            1 - chance_above(97.8),
        ),
        # bull put: gain = credit, loss = width - credit, break-even = high strike - credit
        (
            [at("put", 96, 1.7, "SELL"), at("put", 90, 0.6)],
            "VERTICAL_SPREAD",
            -1.1,
            490,
            110,
            (94.9,),
            chance_above(94.9),
        ),
        # bear call: break-even = low strike + credit
        (
            [at("call", 104, 2.0, "SELL"), at("call", 110, 0.7)],
            "VERTICAL_SPREAD",
            -1.3,
            470,
            130,
            (105.3,),
            1 - chance_above(105.3),
        ),
    ],
)
def test_positions_by_hand(
    positions: list[Position],
    strategy: Strategy,
    paid: float,
    loss: float,
    gain: float | None,
    points: tuple[float, ...],
    chance: float,
) -> None:
    worth = economics(positions, strategy, CLOSE, stop_loss=96, profit_target=106)
    assert worth.net_price == pytest.approx(paid)
    assert worth.max_loss == pytest.approx(loss)
    assert worth.max_gain == (None if gain is None else pytest.approx(gain))
    assert worth.break_evens == pytest.approx(points)
    assert worth.probability_of_profit == pytest.approx(chance, abs=1e-4)
    assert worth.pop_method == "lognormal"
    assert worth.capital_required == pytest.approx(loss)
    if strategy == "VERTICAL_SPREAD":
        assert gain is not None
        assert worth.reward_to_risk == pytest.approx(gain / loss, abs=1e-4)
    else:
        assert worth.reward_to_risk == pytest.approx(6 / 4)


def test_capital_of_a_secured_put_is_its_strike_less_what_it_brought() -> None:
    worth = economics([at("put", 95, 1.5, "SELL")], "CSP", CLOSE)
    assert worth.capital_required == pytest.approx(95 * 100 - 150)
    assert worth.reward_to_risk is None


def test_a_sold_call_has_no_bound_to_its_loss() -> None:
    worth = economics([at("call", 105, 1.5, "SELL")], "LONG_CALL", CLOSE)
    assert worth.max_loss is None
    assert worth.max_gain == pytest.approx(150)
    assert worth.break_evens == (106.5,)


def test_the_smile_is_taken_at_the_break_even() -> None:
    legs = [at("call", 100, 4.0, implied_volatility=0.2), at("call", 110, 2.0, "SELL", implied_volatility=0.4)]
    worth = economics(legs, "VERTICAL_SPREAD", CLOSE)
    # Break-even 102: a fifth of the way from 100 to 110.
    assert worth.probability_of_profit == pytest.approx(chance_above(102, 0.24), abs=1e-4)


def test_without_a_volatility_the_chance_is_the_delta_there() -> None:
    legs = [
        at("call", 100, 4.0, implied_volatility=None, delta=0.54),
        at("call", 110, 2.0, "SELL", implied_volatility=None, delta=0.24),
    ]
    worth = economics(legs, "VERTICAL_SPREAD", CLOSE)
    assert worth.pop_method == "delta"
    assert worth.probability_of_profit == pytest.approx(0.54 - 0.2 * 0.3)
    put = economics([at("put", 95, 1.5, "SELL", implied_volatility=None, delta=-0.3)], "CSP", CLOSE)
    assert put.probability_of_profit == pytest.approx(0.7)
    unknown = economics([at("put", 95, 1.5, "SELL", implied_volatility=None, delta=None)], "CSP", CLOSE)
    assert (unknown.probability_of_profit, unknown.pop_method) == (None, None)


def test_the_least_price_basis_is_told() -> None:
    legs = [at("call", 100, 4.0, price_basis="quote_mid"), at("call", 106, 1.8, "SELL", price_basis="last")]
    assert economics(legs, "VERTICAL_SPREAD", CLOSE).price_basis == "last"


def test_reward_to_risk_is_of_ways() -> None:
    assert reward_to_risk(100, 96, 110) == pytest.approx(2.5)
    assert reward_to_risk(100, 104, 90) == pytest.approx(2.5)
    assert reward_to_risk(100, None, 110) is None
    assert reward_to_risk(100, 100, 110) is None


prices = st.integers(1, 4000).map(lambda cents: cents / 100)
strikes = st.integers(10, 400).map(float)
legs = st.builds(
    at,
    st.sampled_from(["call", "put"]),
    strikes,
    prices,
    st.sampled_from(["BUY", "SELL"]),
)


@given(st.lists(legs, min_size=1, max_size=4))
def test_bounds_and_break_evens_hold_for_any_position(positions: list[Position]) -> None:
    worth = economics(positions, "VERTICAL_SPREAD", CLOSE)
    grid = np.unique(np.concatenate([np.linspace(0, 900, 400), [one.contract.strike for one in positions]]))
    values = payoff(positions, grid)
    assert payoff(positions, CLOSE).shape == ()
    if worth.max_loss is not None:
        assert values.min() >= -worth.max_loss - 0.01
    if worth.max_gain is not None:
        assert values.max() <= worth.max_gain + 0.01
    points = break_evens(positions)
    np.testing.assert_allclose(payoff(positions, points), 0, atol=1e-6)
    # Between neighbouring break-evens the sign does not change.
    edges = [0.0, *points, max([900.0, *points]) + 1]
    for low, high in pairwise(edges):
        inside = payoff(positions, np.linspace(low, high, 30)[1:-1])
        assert (inside >= -1e-6).all() or (inside <= 1e-6).all()
    assert worth.probability_of_profit is None or 0 <= worth.probability_of_profit <= 1
    # Money that is paid comes back if nothing else happens: a position and its opposite bring nothing together.
    other = [Position(one.contract, "SELL" if one.side == "BUY" else "BUY") for one in positions]
    np.testing.assert_allclose(payoff(positions, grid) + payoff(other, grid), 0, atol=1e-6)
    assert net_price(positions) == pytest.approx(-net_price(other))


@given(st.floats(0.05, 2), strikes, prices)
def test_the_chances_of_both_sides_make_one(sigma: float, strike: float, price: float) -> None:
    c: Contract = contract("call", strike, price=price, implied_volatility=sigma)
    bought = economics([Position(c, "BUY")], "LONG_CALL", CLOSE).probability_of_profit
    sold = economics([Position(c, "SELL")], "LONG_CALL", CLOSE).probability_of_profit
    assert bought is not None
    assert sold is not None
    assert bought + sold == pytest.approx(1, abs=2e-4)
