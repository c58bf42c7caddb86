"""Each rule of an idea, broken one at a time; what keeps them all is believed as it stands."""

import math
from typing import Any

import pytest

from kapman_assets.decisions.facts import Structure
from kapman_assets.decisions.idea import Idea, Leg
from kapman_assets.decisions.validation import Code, check, parse
from tests.unit.decisions.made import EXPIRY, LATER, chain, contract, facts, idea, leg

PUT, CALL = leg("put", 94, "SELL"), leg("call", 100)
BEAR = {"direction": "SHORT", "stop_loss": 103.0, "profit_target": 95.0}
NO_TRADE: dict[str, Any] = {"strategy": None, "legs": ()}


def codes(changed: dict[str, Any], **facts_changed: Any) -> set[Code]:
    return {problem.code for problem in check(idea(**changed), facts(**facts_changed)).problems}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"strategy": "LONG_CALL", "legs": (CALL,)},
        {"strategy": "CSP", "legs": (PUT,)},
        {"strategy": "CSP", "legs": (PUT,), "direction": "NEUTRAL", "stop_loss": None, "profit_target": None},
        {"strategy": "LONG_PUT", "legs": (leg("put", 100),), **BEAR},
        {"legs": (leg("put", 100), leg("put", 94, "SELL")), **BEAR},
        {"legs": (leg("put", 94), leg("put", 100, "SELL"))},
        {"legs": (leg("call", 106), leg("call", 100, "SELL")), **BEAR},
        {"legs": (leg("call", 106, "SELL"), leg("call", 100))},
        {"action": "FORECAST", **NO_TRADE},
        {"action": "FORECAST", "direction": "NEUTRAL", "stop_loss": None, "profit_target": None, **NO_TRADE},
        {"action": "EXIT", "direction": "SHORT", "stop_loss": None, "profit_target": None, **NO_TRADE},
        {"action": "CAUTION", **BEAR, **NO_TRADE},
        {"confidence": 0.001},
        {"confidence": 0.999},
    ],
)
def test_sound_ideas_are_believed_as_they_stand(changed: dict[str, Any]) -> None:
    stated = idea(**changed)
    checked = check(stated, facts())
    assert checked.problems == ()
    assert checked.idea is stated
    assert len(checked.positions) == len(stated.legs)
    assert (checked.worth is not None) is (stated.action == "OPEN")
    if checked.worth is not None:
        assert checked.worth.max_loss is not None
        assert math.isfinite(checked.worth.max_loss)
        assert checked.worth.max_loss > 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"strategy": "LONG_CALL", "legs": (Leg(contract="O:ACME260822C00101000", side="BUY"),)}, "UNKNOWN_CONTRACT"),
        ({"strategy": "LONG_CALL", "legs": (Leg(contract="o:acme260822c00100000", side="BUY"),)}, "UNKNOWN_CONTRACT"),
        ({"strategy": "LONG_CALL", "legs": (Leg(contract=" " + CALL.contract, side="BUY"),)}, "UNKNOWN_CONTRACT"),
        ({"legs": (CALL, CALL)}, "SAME_CONTRACT_TWICE"),
        ({"strategy": "LONG_CALL", "legs": (CALL.model_copy(update={"quantity": 2}),)}, "WRONG_SHAPE"),
        ({"strategy": "LONG_CALL", "legs": (CALL.model_copy(update={"quantity": 0}),)}, "WRONG_SHAPE"),
        ({"strategy": "LONG_CALL", "legs": (leg("call", 100, "SELL"),)}, "WRONG_SHAPE"),
        ({"strategy": "LONG_CALL", "legs": (leg("put", 100),)}, "WRONG_SHAPE"),
        ({"strategy": "LONG_CALL", "legs": (CALL,), **BEAR}, "WRONG_DIRECTION"),
        ({"strategy": "LONG_PUT", "legs": (leg("put", 100),)}, "WRONG_DIRECTION"),
        ({"strategy": "CSP", "legs": (PUT,), **BEAR}, "WRONG_DIRECTION"),
        ({"strategy": "CSP", "legs": (leg("put", 94),)}, "WRONG_SHAPE"),
        ({"legs": (CALL,)}, "WRONG_SHAPE"),
        ({"legs": (CALL, leg("call", 106))}, "WRONG_SHAPE"),
        ({"legs": (CALL, leg("put", 106, "SELL"))}, "WRONG_SHAPE"),
        ({"legs": (CALL, leg("call", 106, "SELL", LATER))}, "WRONG_SHAPE"),
        ({"legs": (CALL, leg("call", 106, "SELL"), leg("call", 108))}, "WRONG_SHAPE"),
        ({"legs": (CALL, leg("call", 106, "SELL")), **BEAR}, "WRONG_DIRECTION"),
        ({"legs": (leg("put", 100), leg("put", 94, "SELL"))}, "WRONG_DIRECTION"),
        ({"strategy": None, "legs": ()}, "WRONG_SHAPE"),
        ({"legs": ()}, "WRONG_SHAPE"),
        ({"action": "FORECAST"}, "WRONG_SHAPE"),
        ({"action": "EXIT", **NO_TRADE}, "WRONG_DIRECTION"),
        ({"stop_loss": None}, "WRONG_LEVELS"),
        ({"profit_target": None}, "WRONG_LEVELS"),
        ({"stop_loss": 100.0}, "WRONG_LEVELS"),
        ({"stop_loss": 107.0, "profit_target": 96.0}, "WRONG_LEVELS"),
        ({"profit_target": math.nan}, "WRONG_LEVELS"),
        ({"profit_target": math.inf}, "WRONG_LEVELS"),
        ({"profit_target": 400.0}, "WRONG_LEVELS"),
        ({"stop_loss": -5.0}, "WRONG_LEVELS"),
        ({"action": "CAUTION", "direction": "SHORT", "stop_loss": 96.6, **NO_TRADE}, "WRONG_LEVELS"),
        ({"confidence": 0.0}, "WRONG_CONFIDENCE"),
        ({"confidence": 1.0}, "WRONG_CONFIDENCE"),
        ({"confidence": math.nan}, "WRONG_CONFIDENCE"),
        ({"confidence": -math.inf}, "WRONG_CONFIDENCE"),
        ({"justification": ""}, "WRONG_TEXT"),
        ({"justification": " " * 50}, "WRONG_TEXT"),
        ({"justification": "x" * 2001}, "WRONG_TEXT"),
        ({"justification": "A spring that holds\x00 its support."}, "WRONG_TEXT"),
        ({"justification": "A spring that holds\n its support."}, "WRONG_TEXT"),
        ({"justification": "A spring that holds \u202e its support."}, "WRONG_TEXT"),
        ({"justification": "A spring that holds \u200b its support."}, "WRONG_TEXT"),
        ({"justification": "A spring that holds \ud800 its support."}, "WRONG_TEXT"),
        ({"justification": "The target of 190 is near, they say."}, "NOT_IN_THE_FACTS"),
    ],
)
def test_each_broken_rule_is_told(changed: dict[str, Any], code: str) -> None:
    stated = Idea.model_construct(**(idea().__dict__ | changed))
    checked = check(stated, facts())
    assert code in {problem.code for problem in checked.problems}
    assert checked.worth is None
    for problem in checked.problems:
        # It goes into a prompt, a log and a database.
        assert problem.sentence.encode("utf-8").isascii() or problem.sentence.isprintable()
        assert len(problem.sentence) < 600


def test_contracts_out_of_the_window_or_without_interest_are_refused() -> None:
    long_call = {"strategy": "LONG_CALL", "legs": (CALL,)}
    for changed in ({"dte": 29}, {"dte": 91}, {"open_interest": 0}, {"price": 0.0}):
        assert Code.NOT_TRADABLE in codes(long_call, contracts=(contract("call", 100, **changed),))


def test_a_name_without_contracts_has_no_trade() -> None:
    found = check(idea(), facts(contracts=(), no_trade_reason="NO_CHAIN")).problems
    assert {one.code for one in found} == {Code.UNKNOWN_CONTRACT}
    assert "NO_CHAIN" in found[0].sentence


def test_prices_that_do_not_belong_together_are_refused() -> None:
    for stale in (1.0, 20.0):
        contracts = [contract("call", 106) if one.strike != 100 else one for one in chain((106,))]
        contracts = [contract("call", 100, price=stale), contract("call", 106, price=2.0)]
        assert codes({}, contracts=tuple(contracts)) == {Code.WRONG_PRICE}
    put = contract("put", 94, price=95.0)
    assert codes({"strategy": "CSP", "legs": (PUT,)}, contracts=(put,)) == {Code.WRONG_PRICE}


@pytest.mark.parametrize(
    ("score", "changed", "is_refused"),
    [
        (24, {}, True),
        (24, {"action": "CAUTION", **BEAR, **NO_TRADE}, True),
        (24, {"action": "EXIT", **BEAR, **NO_TRADE}, False),
        (20, {}, True),
        (20, {"strategy": "LONG_PUT", "legs": (leg("put", 100),), **BEAR}, False),
        (20, {"action": "FORECAST", **NO_TRADE}, False),
        (19, {}, False),
        (None, {}, False),
    ],
)
def test_a_climax_forbids_what_the_rules_forbid(score: int | None, changed: dict[str, Any], is_refused: bool) -> None:
    structure = Structure(regime="RANGE", phase="B", bc_score=score, support=97.5, spring_score=8)
    assert (Code.AGAINST_THE_RULES in codes(changed, structure=structure)) is is_refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"action": "PASS"}',
        "\ud800",
        idea().model_dump_json()[:-20],
        idea().model_dump_json().replace('"OPEN"', '"BUY"'),
        idea().model_dump_json().replace("{", '{"hidden": 1, ', 1),
        idea().model_dump_json().replace("0.58", '"high"'),
        '{"confidence": ' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_what_is_no_idea_is_told(text: str) -> None:
    found = parse(text)
    assert not isinstance(found, Idea)
    assert found.code is Code.NOT_AN_IDEA
    assert found.sentence.isascii()


def test_an_answer_is_read_as_it_stands() -> None:
    stated = idea()
    assert parse(stated.model_dump_json()) == stated
    assert EXPIRY.isoformat() not in stated.model_dump_json()
