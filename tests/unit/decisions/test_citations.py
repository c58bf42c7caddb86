"""Numbers in a text are held against the facts: what is borne out passes, what is not is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.decisions.citations import uncited
from kapman_assets.decisions.facts import numbers
from kapman_assets.decisions.validation import check
from tests.unit.decisions.made import contract, facts, idea

FACTS = facts()
PAID = contract("call", 100).price - contract("call", 106).price


def found(text: str) -> list[str]:
    checked = check(idea(), FACTS)
    assert checked.worth is not None
    return list(uncited(text, FACTS, checked.idea, checked.positions, checked.worth))


@pytest.mark.parametrize(
    "text",
    [
        "RSI of 57.3, ADX 18.4 and a close of 100 above the 50-day average at 98.2.",
        "RSI(14) at 57, RSI-14 = 57.3, SMA200 near 104.7, SMA 50 at 98.2.",
        "The price is 1.83% above its SMA50 and 4.5 % below its SMA200, price_vs_sma200 -4.49.",
        "Support at 97.5, resistance 106, call wall: 110, put wall of 90.",
        "IV rank is 44 and the IV of 31.2% is 3.2 vol points above HV20 of 28%.",
        "Spring score 8/12 and BC score of 5 out of 28.",
        "SPRING on 2026-07-06, confirmed 2026-07-07, with a confidence of 0.77 and 0.61x volume.",
        "SPRING on July 6, confirmed 7 July 2026 (07/07/2026).",
        "Buys O:ACME260822C00100000 against the 106 call of August 22nd, 45 days out; two legs.",
        "The stop at 96.6 is 3.4% below, the target at $106.00 6% above, 1.76 to 1.",
        "Net GEX is $1.23M, gross 4.2 million, DGPI +12.5, skew 25-delta 3.2 points.",
        f"It costs {PAID:.2f}, loses {PAID * 100:.0f} at most and breaks even at {100 + PAID:.2f}.",
        "The 3rd test of a 20-session range; 45-day options, quantity 1, open interest 500.",
        "Confidence 58%, phase confidence 0.62, a horizon of 20 sessions.",
        "Term structure -1.1, MACD(12,26,9) histogram 0.12.",
        "Acme Corporation (ACME) has one idea and ten reasons.",
    ],
)
def test_facts_may_be_said_in_many_ways(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("RSI of 63.1 looks strong.", "63.1"),
        # A number that is a fact, but of another thing.
        ("RSI of 44 looks weak.", "44"),
        ("Spring score 5/12.", "5"),
        ("The delta is 0.77.", "0.77"),
        ("Resistance at 110.", "110"),
        ("The stop at 97.5 is close.", "97.5"),
        ("Analysts see 137.50.", "137.50"),
        ("Analysts see $1,250.", "1,250"),
        ("Up 12% since spring.", "12%"),
        ("DGPI at -12.5.", "-12.5"),
        ("The SMA200 is +4.49% away from it.", "+4.49%"),
        # Rounded too far, or wrongly.
        ("ADX near 20.", "20"),
        ("RSI 58.", "58"),
        ("SPRING on 2026-07-05.", "2026-07-05"),
        ("Earnings on August 4.", "August 4"),
        ("Earnings in Aug 2027.", "Aug 2027"),
        ("It was 1999.", "1999"),
        ("Hold for 30 days.", "30"),
        ("RSI57 and 1e9 in cash.", "1e9"),
        ("Ninety percent sure, a hundred times.", "Ninety"),
        ("It is worth twenty.", "twenty"),
        ("About ６３ points.", "６"),
        ("½ of the range.", "½"),
        ("Wins 9 of 10 times.", "9"),
        ("The 75th percentile.", "75"),
        ("A 0 % risk.", "0 %"),
        ("Volume of 5k contracts.", "5k"),
    ],
)
def test_what_no_fact_bears_out_is_found(text: str, piece: str) -> None:
    pieces = found(text)
    assert pieces
    assert any(piece in one for one in pieces)


def test_only_own_contracts_are_facts_beyond_strike_and_days() -> None:
    assert found("The 92 strike is far.") == []
    other = next(one for one in FACTS.contracts if one.strike == 92 and one.contract_type == "call")
    assert found(f"It would cost {other.price}.")


def test_a_name_with_digits_is_no_claim_and_no_fact() -> None:
    named = facts(company="3M Buy At 777 Holdings")
    checked = check(idea(), named)
    assert list(uncited("3M Buy At 777 Holdings holds.", named, checked.idea, (), None)) == []
    assert list(uncited("It goes to 777.", named, checked.idea, (), None)) == ["It goes to 777"]


KNOWN = [one for one in numbers(FACTS.model_copy(update={"contracts": ()})) if one.value]


@given(st.sampled_from(KNOWN), st.integers(0, 4))
def test_each_fact_may_be_rounded_and_no_further(fact: object, places: int) -> None:
    assert isinstance(fact, tuple)
    value = abs(fact[1])
    said = round(value, places)
    text = f"A value of {said:.{places}f} was read."
    if abs(said - value) <= 0.025 * value:
        assert found(text) == []


@given(st.floats(0.001, 5000).map(lambda value: round(value, 3)))
def test_no_number_far_from_every_fact_passes(value: float) -> None:
    checked = check(idea(), FACTS)
    assert checked.worth is not None
    known = {abs(one.value) for one in numbers(FACTS)} | {96.6, 106.0, 0.58, PAID, 100 + PAID, 6, 2, 1, 0}
    known |= {0.034, 0.06, 6 / 3.4, *(abs(v) for v in vars(checked.worth).values() if isinstance(v, float))}
    if all(abs(value - one) > 0.0006 + 0.026 * one for one in known):
        assert found(f"A value of {value:.3f} was read.")
