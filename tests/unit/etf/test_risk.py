"""The trade helper of the ETF document, by its formulas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.etf.risk import Risk, risk_of

NUMBERS = {"equity": 100_000.0, "risk_fraction": 0.01, "stop_atr": 1.5}


def test_worked_example() -> None:
    """Price 262.40 and ATR 3.71: 1.5 ATR are 5.565, and 1000 USD of risk are 179.69 shares."""
    bought = risk_of("BUY", close=262.40, atr=3.71, ma50=270.0, **NUMBERS)
    assert bought.stop == pytest.approx(256.835)
    assert bought.shares == 180
    assert bought.target == 270.0
    assert bought.reward_to_risk == pytest.approx(7.6 / 5.565)
    sold = risk_of("SELL", close=262.40, atr=3.71, ma50=255.1, **NUMBERS)
    assert sold.stop == pytest.approx(267.965)
    assert sold.reward_to_risk == pytest.approx(7.3 / 5.565)


def test_a_target_behind_the_price_has_no_reward() -> None:
    assert risk_of("BUY", close=100.0, atr=2.0, ma50=90.0, **NUMBERS).reward_to_risk is None
    assert risk_of("SELL", close=100.0, atr=2.0, ma50=110.0, **NUMBERS).reward_to_risk is None


@pytest.mark.parametrize("signal", ["HOLD", None])
def test_without_a_signal_there_is_no_trade(signal: str | None) -> None:
    assert risk_of(signal, close=100.0, atr=2.0, ma50=90.0, **NUMBERS) == Risk(None, None, None, None)


def test_unknown_stays_unknown() -> None:
    assert risk_of("BUY", close=100.0, atr=math.nan, ma50=110.0, **NUMBERS) == Risk(None, None, 110.0, None)
    assert risk_of("BUY", close=100.0, atr=0.0, ma50=110.0, **NUMBERS).stop is None
    without = risk_of("BUY", close=100.0, atr=2.0, ma50=math.nan, **NUMBERS | {"equity": None})
    assert without == Risk(97.0, None, None, None)


@given(
    signal=st.sampled_from(["BUY", "SELL"]),
    close=st.floats(1, 1000),
    atr=st.floats(0.01, 50),
    equity=st.floats(100, 1e7),
    fraction=st.floats(0.001, 0.1),
)
def test_the_stop_loses_what_was_chosen_within_half_a_share(
    signal: str, close: float, atr: float, equity: float, fraction: float
) -> None:
    found = risk_of(signal, close=close, atr=atr, ma50=close, equity=equity, risk_fraction=fraction, stop_atr=2.0)
    assert found.stop is not None
    assert found.shares is not None
    a_share = abs(close - found.stop)
    assert abs(found.shares * a_share - equity * fraction) <= 0.5 * a_share * (1 + 1e-6) + 1e-6 * equity
