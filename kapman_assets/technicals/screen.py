"""Screening: conditions on the columns of a table, made into a query.

A condition names a column of the table, an operator and a number or another column; nothing of it is ever read as SQL.
Where a column is NULL a condition is neither true nor false, and so is its opposite: what is unknown matches nothing.
"""

import difflib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from kapman_resources.errors import KapmanError


class ScreenError(KapmanError):
    """A condition that cannot be asked of the table."""


class Operator(StrEnum):
    """How a column is compared."""

    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "="
    NOT_EQUAL = "!="
    AT_LEAST = ">="
    ABOVE = ">"


_COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.AT_LEAST: operator.ge,
    Operator.ABOVE: operator.gt,
}


@dataclass(frozen=True)
class Compare:
    """`column operator value`: the value is a finite number, or the name of another column."""

    column: str
    operator: Operator
    value: float | str


@dataclass(frozen=True)
class And:
    """All of the conditions, at least one."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Or:
    """Any of the conditions, at least one."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: "Condition"


Condition = Compare | And | Or | Not


def screen(table: sa.Table, condition: Condition) -> sa.Select[Any]:
    """Rows of the table that meet a condition; add the session, an order and a limit to it.

    Raises:
        ScreenError: if a column is not a number column of the table, an operator is none of `Operator`, a value is no
            finite number, or a group is empty.
    """
    return sa.select(table).where(_clause(table, condition))


def screenable(table: sa.Table) -> list[str]:
    """Names of the columns that hold numbers, in the table's order."""
    return [column.name for column in table.columns if isinstance(column.type, sa.Float | sa.Numeric | sa.Integer)]


def _clause(table: sa.Table, condition: Condition) -> sa.ColumnElement[bool]:
    match condition:
        case Compare():
            return _comparison(table, condition)
        case Not(inner):
            return sa.not_(_clause(table, inner))
        case And(conditions) | Or(conditions):
            if not conditions:
                raise ScreenError(f"{type(condition).__name__} holds no condition: give it at least one")
            join = sa.and_ if isinstance(condition, And) else sa.or_
            return join(*(_clause(table, inner) for inner in conditions))
    raise ScreenError(f"{condition!r} is no condition: use Compare, And, Or or Not")


def _comparison(table: sa.Table, condition: Compare) -> sa.ColumnElement[bool]:
    column = _column(table, condition.column)
    if condition.operator not in _COMPARE:
        raise ScreenError(f"operator {condition.operator!r} on {condition.column}: use one of {', '.join(Operator)}")
    value = condition.value
    if isinstance(value, str):
        other: sa.ColumnElement[Any] = _column(table, value)
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScreenError(f"value {value!r} for {condition.column}: use a finite number or the name of a column")
    else:
        other = sa.bindparam(None, float(value), sa.Double)
    clause: sa.ColumnElement[bool] = _COMPARE[condition.operator](column, other)
    return clause


def _column(table: sa.Table, name: str) -> sa.Column[Any]:
    names = screenable(table)
    if name in names:
        return table.columns[name]
    if name in table.columns:
        raise ScreenError(f"column {name} of {table.name} holds no numbers and cannot be compared")
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0)
    raise ScreenError(
        f"{table.name} has no column {str(name)!r}; the nearest is {near[0]!r}"
        if near
        else f"{table.name} has no column of numbers"
    )
