"""Whether a rule holds, in three-valued logic: what is unknown stays unknown, and so does its opposite.

`and` with one false part is false and `or` with one true part is true whatever the others are (Kleene), as in SQL.
"""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.arrays import BooleanArray

from kapman_assets.rules.catalogue import Name
from kapman_assets.rules.tree import (
    COMPARE,
    And,
    Compare,
    Condition,
    Cross,
    Direction,
    Not,
    Number,
    Operand,
    Operator,
    Or,
    Rule,
)

_Floats: TypeAlias = npt.NDArray[np.float64]


def evaluate(rule: Rule, rows: pd.DataFrame, previous: pd.DataFrame | None = None) -> BooleanArray:
    """Decide a rule on every row.

    Args:
        rule: what is asked.
        rows: the columns of the rule's names, NaN or None where unknown.
        previous: row by row the session before; unknown if None.

    Returns:
        One value a row: True, False, or NA where unknown.

    Raises:
        KeyError: a column is not there.
        ValueError: there is not one row before for each.
    """
    if previous is not None and len(previous) != len(rows):
        raise ValueError(f"{len(previous)} rows of the session before for {len(rows)} rows")
    return _decide(rule.condition, _Rows(rows, previous))


def evaluate_history(rule: Rule, rows: pd.DataFrame) -> BooleanArray:
    """Decide a rule on consecutive sessions of one symbol, oldest first: the row before is the session before."""
    return evaluate(rule, rows, rows.shift())


def holds(
    rule: Rule, row: Mapping[str, float | None], previous: Mapping[str, float | None] | None = None
) -> bool | None:
    """Decide a rule on one row, None where it is unknown; arguments as in `evaluate`."""
    value = evaluate(rule, _one_row(rule, row), None if previous is None else _one_row(rule, previous))[0]
    return None if value is pd.NA else bool(value)


def _one_row(rule: Rule, values: Mapping[str, float | None]) -> pd.DataFrame:
    return pd.DataFrame({name.column: [values[name.column]] for name in rule.names})


class _Rows:
    """Values of operands on the rows and on those before."""

    def __init__(self, rows: pd.DataFrame, previous: pd.DataFrame | None) -> None:
        self._rows, self._previous = rows, previous

    def now(self, operand: Operand) -> _Floats:
        return self._of(self._rows, operand)

    def before(self, operand: Operand) -> _Floats:
        if self._previous is None:
            return np.full(len(self._rows), np.nan)
        return self._of(self._previous, operand)

    def _of(self, frame: pd.DataFrame, operand: Operand) -> _Floats:
        match operand:
            case Number(value):
                return np.full(len(self._rows), value)
            case Name():
                return np.asarray(frame[operand.column].astype("float64"), dtype=np.float64)


def _decide(condition: Condition, rows: _Rows) -> BooleanArray:
    match condition:
        case Compare(left, how, right):
            return _compared(how, rows.now(left), rows.now(right))
        case Cross(left, right, direction):
            return _crossed(direction, rows.before(left), rows.before(right), rows.now(left), rows.now(right))
        case And(parts) | Or(parts):
            join = operator.and_ if isinstance(condition, And) else operator.or_
            return _joined(join, [_decide(part, rows) for part in parts])
        case Not(part):
            return ~_decide(part, rows)


def _joined(join: Callable[[Any, Any], Any], parts: Iterable[BooleanArray]) -> BooleanArray:
    # pandas' operators on these arrays are Kleene's.
    return functools.reduce(join, parts)


def _compared(how: Operator, left: _Floats, right: _Floats) -> BooleanArray:
    return BooleanArray(COMPARE[how](left, right), np.isnan(left) | np.isnan(right))


def _crossed(
    direction: Direction, left_before: _Floats, right_before: _Floats, left: _Floats, right: _Floats
) -> BooleanArray:
    upwards, downwards = (
        _joined(operator.and_, [_compared(was, left_before, right_before), _compared(is_now, left, right)])
        for was, is_now in ((Operator.BELOW, Operator.AT_LEAST), (Operator.ABOVE, Operator.AT_MOST))
    )
    match direction:
        case Direction.ABOVE:
            return upwards
        case Direction.BELOW:
            return downwards
        case Direction.EITHER:
            return _joined(operator.or_, [upwards, downwards])
