"""Whether rules hold, by hand and by the truth tables of three-valued logic."""

import math
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from pandas.arrays import BooleanArray

from kapman_assets.rules.evaluation import evaluate, evaluate_history, holds
from kapman_assets.rules.parser import parse
from tests.unit.rules.names import CATALOGUE

ROW: dict[str, float | None] = {"composite_z": -1.2, "dz5": 0.6, "rsi14": 35.0, "macd": None, "macd_signal": 0.1}


def plain(decided: BooleanArray) -> list[bool | None]:
    """None where unknown."""
    return [None if value is pd.NA else bool(value) for value in decided]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z<=-1.0", True),
        ("z<-1.2", False),
        ("z<=-1.2", True),
        ("rsi14==35", True),
        ("rsi14!=35", False),
        ("not rsi14==35", False),
        ("dz5>0.5 and rsi14<35", False),
        ("dz5>0.5 and rsi14<=35", True),
        ("-2 < z < -1", True),
        ("-1 < z < 1", False),
        ("z < dz5", True),
        # macd is unknown.
        ("macd>0", None),
        ("not macd>0", None),
        ("macd==macd", None),
        ("macd!=0", None),
        ("macd>0 and z<0", None),
        ("macd>0 and z>0", False),
        ("macd>0 or z<0", True),
        ("macd>0 or z>0", None),
        ("not (macd>0 or z<0)", False),
        ("macd < macd_signal", None),
        # There is no session before.
        ("cross(z,-1)", None),
        ("cross(z,-1) or z<0", True),
    ],
)
def test_one_row(text: str, expected: bool | None) -> None:
    assert holds(parse(text, CATALOGUE), ROW) is expected


@pytest.mark.parametrize(
    ("before", "now", "above", "below", "either"),
    [
        (-1.5, -0.5, True, False, True),
        (-0.5, -1.5, False, True, True),
        # To the level is across it, from the level is not again.
        (-1.5, -1.0, True, False, True),
        (-1.0, -0.5, False, False, False),
        (-0.5, -1.0, False, True, True),
        (-1.0, -1.0, False, False, False),
        (-1.5, -1.4, False, False, False),
        # One side can settle a direction: what is above the level now has not crossed it downwards.
        (None, -0.5, None, False, None),
        (-1.5, None, None, False, None),
        (-0.5, None, False, None, None),
        (None, None, None, None, None),
    ],
)
def test_crossings(
    before: float | None, now: float | None, above: bool | None, below: bool | None, either: bool | None
) -> None:
    found = [
        holds(parse(f"{kind}(z,-1)", CATALOGUE), {"composite_z": now}, {"composite_z": before})
        for kind in ("cross_above", "cross_below", "cross")
    ]

    assert found == [above, below, either]


def test_a_crossing_of_two_names() -> None:
    rule = parse("cross_above(macd, macd_signal)", CATALOGUE)
    rows = pd.DataFrame({"macd": [1.0, 2.0, 4.0, 4.0, 1.0], "macd_signal": [2.0, 2.5, 3.0, 4.5, 2.0]})

    assert plain(evaluate_history(rule, rows)) == [False, False, True, False, False]


def test_a_frame_is_decided_row_by_row() -> None:
    rows = pd.DataFrame({"composite_z": [-2.0, 0.0, math.nan, None], "rsi14": [30, 30, 30, 80]})
    rows["composite_z"] = rows["composite_z"].astype(object)

    found = evaluate(parse("z<-1 or rsi14>70", CATALOGUE), rows)
    assert plain(found) == [True, False, None, True]
    assert plain(evaluate(parse("z<-1", CATALOGUE), rows.head(0))) == []


def test_history_is_row_by_row_with_the_row_before() -> None:
    values = [-1.5, -0.5, math.nan, -0.5, -1.0]
    rule = parse("cross(z,-1) and not z>5", CATALOGUE)
    stepwise: list[Any] = [holds(rule, {"composite_z": values[0]})]
    stepwise += [holds(rule, {"composite_z": now}, {"composite_z": before}) for before, now in pairwise(values)]

    found = evaluate_history(rule, pd.DataFrame({"composite_z": values}))
    assert plain(found) == stepwise
    assert stepwise[1] is True
    assert stepwise[4] is True


def test_frames_that_do_not_fit() -> None:
    rows = pd.DataFrame({"composite_z": [1.0, 2.0]})
    with pytest.raises(KeyError, match="rsi14"):
        evaluate(parse("rsi14<35", CATALOGUE), rows)
    with pytest.raises(ValueError, match="1 rows of the session before for 2 rows"):
        evaluate(parse("cross(z,1)", CATALOGUE), rows, rows.head(1))
