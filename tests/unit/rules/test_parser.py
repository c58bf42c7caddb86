"""Rules that can be read, and those that cannot: where and why."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.rules.catalogue import Catalogue, Name
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.parser import LONGEST, parse
from kapman_assets.rules.tree import And, Compare, Condition, Cross, Direction, Not, Number, Operand, Operator, Or
from kapman_resources.errors import KapmanError
from tests.unit.rules.names import CATALOGUE


def name(of: str) -> Name:
    found = CATALOGUE.get(of)
    assert found is not None
    return found


Z, RSI, MACD, SIGNAL, DZ5 = (name(of) for of in ("z", "rsi14", "macd", "macd_signal", "dz5"))


def compare(left: Operand, operator: str, right: Operand) -> Compare:
    return Compare(left, Operator(operator), right)


LOW = compare(RSI, "<", Number(35))
STRETCHED = compare(Z, "<=", Number(-1))
TURNING = compare(DZ5, ">", Number(0.5))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("z<=-1.0", STRETCHED),
        (" z <= -1 ", STRETCHED),
        ("z <=\n\t- 1.", STRETCHED),
        ("((z<=-1))", STRETCHED),
        ("dz5>0.5 and rsi14<35", And((TURNING, LOW))),
        ("dz5>+.5 AND rsi14<35.000", And((TURNING, LOW))),
        ("z<=-1 or dz5>0.5 and rsi14<35", Or((STRETCHED, And((TURNING, LOW))))),
        ("(z<=-1 or dz5>0.5) and rsi14<35", And((Or((STRETCHED, TURNING)), LOW))),
        ("not z<=-1 and rsi14<35", And((Not(STRETCHED), LOW))),
        ("Not (z<=-1 Or rsi14<35)", Not(Or((STRETCHED, LOW)))),
        ("z<=-1 and dz5>0.5 and rsi14<35", And((STRETCHED, TURNING, LOW))),
        ("macd > macd_signal", compare(MACD, ">", SIGNAL)),
        ("-1 < z <= 2", And((compare(Number(-1), "<", Z), compare(Z, "<=", Number(2))))),
        ("z==1", compare(Z, "==", Number(1))),
        ("z != 1", compare(Z, "!=", Number(1))),
        ("z>=1", compare(Z, ">=", Number(1))),
        ("cross(z,-1)", Cross(Z, Number(-1), Direction.EITHER, 0)),
        ("z<=-1 and cross_above( macd , macd_signal )", And((STRETCHED, Cross(MACD, SIGNAL, Direction.ABOVE, 10)))),
        ("  not cross_below(0, macd)", Not(Cross(Number(0), MACD, Direction.BELOW, 6))),
        ("z<123456789012345", compare(Z, "<", Number(123456789012345))),
    ],
)
def test_what_a_rule_says(text: str, condition: Condition) -> None:
    rule = parse(text, CATALOGUE)

    assert rule.condition == condition
    assert rule.text == text


def test_names_and_the_session_before() -> None:
    rule = parse("rsi14<35 and (z>1 or not z<-1) and 0 < macd", CATALOGUE)

    assert rule.names == (RSI, Z, MACD)
    assert not rule.needs_previous
    assert parse("z>1 or not cross(z, dz5)", CATALOGUE).names == (Z, DZ5)
    assert parse("z>1 or not cross(z, dz5)", CATALOGUE).needs_previous


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "empty"),
        ("  \n ", 0, "empty"),
        # Names.
        ("zz<1", 0, "no name zz; the nearest is z"),
        ("z<1 and rsi_14<35", 8, "no name rsi_14; the nearest is rsi14"),
        ("RSI14<35", 0, "no name RSI14; the nearest is rsi14"),
        ("qqqqqqqq<1", 0, "no name qqqqqqqq"),
        ("cross<1", 0, "no name cross"),
        # Brackets.
        ("(z<1", 0, "never closed"),
        ("z<1 and (z<2", 8, "never closed"),
        ("cross(z,1", 5, "never closed"),
        ("z<1)", 3, "closes none"),
        (")z<1(", 0, "closes none"),
        ("()", 0, "cannot be read"),
        ("(" * 21 + "z<1" + ")" * 21, 20, "nested more than 20"),
        ("not " * 20 + "z<1", 80, "nested more than 20"),
        # Ends.
        ("z<", 2, "ends too early"),
        ("z<1 and", 7, "ends too early"),
        ("z<1 or not", 10, "ends too early"),
        ("z < -", 5, "ends too early"),
        # Comparisons.
        ("z", 0, "compare it with something"),
        ("not z", 4, "compare it with something"),
        ("z<1 and rsi14", 8, "compare it with something"),
        ("5", 0, "compare it with something"),
        ("1<2", 0, "compare a name"),
        ("z<1<2", 2, "compare a name"),
        ("cross(1,2)", 6, "compare a name"),
        ("z=1", 1, "write == to compare"),
        ("z<1 and z = 2", 10, "write == to compare"),
        ("z<1 z>2", 4, "cannot be read from here"),
        ("z!1", 1, "cannot be read from here"),
        ("z<>1", 1, "cannot be read from here"),
        ("z===1", 3, "cannot be read from here"),
        ("z<1,z>2", 3, "join conditions by and, or"),
        ("z+1<2", 0, "only a name or a number"),
        ("z<1-2", 2, "only a name or a number"),
        ("(z<1)<2", 1, "only a name or a number"),
        ("cross(z,-1)<1", 0, "only a name or a number"),
        # Functions.
        ("cross(z)", 0, "cross takes two values"),
        ("cross_above(z,1,2)", 0, "cross_above takes two values"),
        ("abs(z)<1", 0, "only a name or a number"),
        ("abs(z)", 0, "no function abs"),
        ("z<1 and z()", 8, "no function z"),
        ("cross(z,(1,2))", 8, "only a name or a number"),
        # Numbers.
        ("z<1e5", 2, "not a number"),
        ("z<0x10", 2, "not a number"),
        ("z<1_000", 2, "not a number"),
        ("z<1j", 2, "not a number"),
        ("z<1.2.3", 2, "not a number"),
        ("z<1and rsi14<2", 2, "not a number"),
        ("z<1234567890123456", 2, "not a number"),
        ("z<" + "9" * 900, 2, "not a number"),
        ("z<007", 2, "cannot be read from here"),
        ("z<--1", 2, "only a name or a number"),
        ("z<" + "-" * 900 + "1", 2, "only a name or a number"),
        ("z<.", 2, "cannot be read from here"),
    ],
)
def test_where_a_rule_is_wrong(text: str, position: int, problem: str) -> None:
    with pytest.raises(RuleError, match=problem) as caught:
        parse(text, CATALOGUE)

    assert caught.value.position == position
    assert isinstance(caught.value, KapmanError)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("__import__('os')", 11),
        ("__import__", 0),
        ("z.real<1", 0),
        ("(z).real<1", 0),
        ("().__class__", 0),
        ("z.__class__.__mro__<1", 0),
        ("lambda: z<1", 6),
        ("(z for z in z)<1", 3),
        ("[z for z in z]", 0),
        ("{z}", 0),
        ("z if z else z", 2),
        ("z in (1,2)", 2),
        ("z is 1", 2),
        ("True", 0),
        ("z<True", 2),
        ("None<z", 0),
        ("(z:=1)<2", 2),
        ("await z", 0),
        ("import os", 0),
        ("z<1; drop table alert_rules", 3),
        ("z<1 -- comment", 2),
        ("z<1 # comment", 4),
        ("z<1/*", 3),
        ("z<'1'", 2),
        ('z<"1"', 2),
        ('f"{z}"<1', 1),
        ("z<`1`", 2),
        ("z<1\\", 3),
        ("z**2<1", 1),
        ("z|z<1", 1),
        ("z@z<1", 1),
        ("z~1", 1),
        ("cross(*z, 1)", 6),
        ("cross(z, x=1)", 10),
        ("print(z)", 0),
        ("z\x00<1", 1),
        ("z\x0c<1", 1),
        ("z\u00a0<1", 1),
        # Look-alikes: fullwidth z, mathematical z, Cyrillic a, fullwidth digit, Arabic digit, minus sign.
        ("\uff5a<1", 0),
        ("\U0001d533<1", 0),
        ("m\u0430cd<1", 1),
        ("z<\uff11", 2),
        ("z<\u0661", 2),
        ("z<\u22121", 2),
        ("\u202ez<1", 0),
    ],
)
def test_hostile_rules(text: str, position: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text, CATALOGUE)

    assert caught.value.position == position


def test_a_long_rule() -> None:
    longest = "z<1" + " or z<1" * 142
    assert LONGEST - 7 < len(longest) <= LONGEST
    assert parse(longest, CATALOGUE).names == (Z,)

    with pytest.raises(RuleError, match="10000 characters, and may have 1000") as caught:
        parse("z<1 or " * 1428 + "z<1 ", CATALOGUE)
    assert caught.value.position == LONGEST
    # Neither a log nor a page shall have to show all of it.
    assert len(str(caught.value)) < 400


def test_many_conditions_are_read() -> None:
    rule = parse(" or ".join(["z<1"] * 120), CATALOGUE)

    assert isinstance(rule.condition, Or)
    assert len(rule.condition.parts) == 120


@pytest.mark.parametrize("text", ["z<1 and (rsi14 <", "(" * 19 + "z<1 $", "z<1 and " * 60 + "zz<1"])
def test_the_caret_stands_below_the_character(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text, CATALOGUE)

    _, shown, caret = str(caught.value).splitlines()
    pointed = shown[caret.index("^")]
    assert pointed == text[caught.value.position]
    assert f"at character {caught.value.position + 1}:" in str(caught.value)


def test_the_caret_of_what_is_missing_stands_behind_the_end() -> None:
    with pytest.raises(RuleError) as caught:
        parse("z<", CATALOGUE)

    assert str(caught.value) == "the rule ends too early, at character 3:\n  z<\n    ^"


def position_of_error(text: str) -> int | None:
    """Where the text is no rule; None if it is one. Nothing but a RuleError may come of it, no warning either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse(text, CATALOGUE)
        except RuleError as error:
            return error.position
    return None


WORDS = ["z", "rsi14", "1", "-1", "0.5", "<", "<=", "==", "(", ")", "and", "or", "not", "cross", ",", "x", "."]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=30))
def test_every_text_is_read_or_refused(text: str) -> None:
    position = position_of_error(text)

    assert position is None or 0 <= position <= len(text)


@pytest.mark.parametrize("wrong", ["Z", "2z", "a-b", "and", "cross", "is", "ä", ""])
def test_names_that_no_rule_can_hold(wrong: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        Catalogue([Name(wrong, "", "", "c")])


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two names 'z'"):
        Catalogue([Name("z", "", "", "a"), Name("z", "", "", "b")])


def test_every_name_of_the_features_has_help() -> None:
    names = {entry.name: entry for entry in CATALOGUE}

    assert {"z", "dz1", "dz5", "rsi14", "composite_z", "vol_dollar_20d"} <= set(names)
    assert names["z"].column == "composite_z"
    assert all(entry.unit and entry.description for entry in names.values())
