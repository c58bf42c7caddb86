"""How recommendations are written, and sized."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kapman_assets.decisions.sizing import units_within
from kapman_ui import advice
from kapman_ui.queries.users import Settings

LEG = {
    "side": "BUY", "quantity": 1, "strike": 180, "contract_type": "call", "expiration_date": "2026-12-18", "price": 6.2
}  # fmt: skip


def row(**given: Any) -> dict[str, Any]:
    told = {"legs": [LEG], "max_loss": 620.0, "stop_loss": 95.0, "entry_price": 100.0, "confidence": 0.7}
    return told | {"calibrated_confidence": None, "symbol": "NVDA", "date": date(2026, 11, 2)} | given


def test_a_contract_is_said_as_a_trader_says_it() -> None:
    assert advice.leg_words("NVDA", LEG) == "BUY 1 NVDA 18 Dec 2026 180 call @ 6.20"
    half = LEG | {
        "side": "SELL",
        "strike": 87.5,
        "contract_type": "put",
        "price": 0.05,
        "expiration_date": "2027-01-08",
    }
    assert advice.leg_words("BRK.B", half) == "SELL 1 BRK.B 8 Jan 2027 87.5 put @ 0.05"


def test_the_calibrated_confidence_goes_first() -> None:
    assert advice.best_confidence(row()) == (0.7, "raw")
    assert advice.best_confidence(row(calibrated_confidence=float("nan"))) == (0.7, "raw")
    assert advice.best_confidence(row(calibrated_confidence=0.6)) == (0.6, "calibrated")


@pytest.mark.parametrize(
    ("given_row", "settings", "size", "why"),
    [
        # 1 % of 100,000 is 1,000: one call of 620 fits, a second would not.
        (row(), Settings(equity=100_000.0), "1 units", "$620 of $1,000 at risk"),
        (row(legs=[], max_loss=None), Settings(equity=100_000.0), "200 shares", "$1,000 of $1,000 at risk"),
        (row(max_loss=17_000.0), Settings(equity=100_000.0), "0 units", "one can lose $17,000, more than the $1,000"),
        (row(), Settings(), "–", "set your equity"),
        (row(max_loss=None), Settings(equity=1e6), "–", "not known"),
        (row(legs=[], stop_loss=None), Settings(equity=1e6), "–", "not known"),
    ],
)
def test_the_size_is_what_the_account_bears(given_row: dict[str, Any], settings: Settings, size: str, why: str) -> None:
    told, reason = advice.size_words(given_row, settings)
    assert told == size
    assert why in reason


@given(loss=some.floats(0.01, 1e6), equity=some.floats(1, 1e9), fraction=some.floats(0.0001, 0.1))
def test_no_size_risks_more_than_was_said_and_one_more_would(loss: float, equity: float, fraction: float) -> None:
    units = units_within(loss, equity, fraction)
    assert units is not None
    budget = equity * fraction
    assert units * loss <= budget * (1 + 1e-9)
    assert (units + 1) * loss > budget * (1 - 1e-9)


def test_an_address_leads_back_to_symbol_and_session() -> None:
    assert advice.address(row(symbol="BRK-B")) == "BRK-B-2026-11-02"
    assert advice.signed_money(-12.4) == "-$12"
    assert advice.signed_money(1293.0) == "+$1,293"
    assert advice.signed_money(float("nan")) == "–"


@pytest.mark.parametrize(
    ("of_row", "told"),
    [
        # A forecast: from 100 it is 20 to the target and 5 to the stop.
        (row(legs=[], profit_target=120.0, reward_to_risk=None), ("4.00", "of the levels")),
        (row(legs=[], profit_target=float("nan"), reward_to_risk=None), ("–", "it has no levels")),
        (row(strategy="LONG_CALL", reward_to_risk=4.0), ("4.00", "of the levels")),
        (row(strategy="VERTICAL_SPREAD", reward_to_risk=2.2), ("2.20", "max gain over max loss")),
    ],
)
def test_a_reward_says_of_what_it_is(of_row: dict[str, Any], told: tuple[str, str]) -> None:
    shown = {"profit_target": 120.0, "null_reasons": {"profit_target": "NO_LEVELS"}} | of_row
    assert advice.reward_words(shown) == told
