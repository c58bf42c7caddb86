"""A rule as a condition of a query: columns and bound parameters, never text of the rule.

NULL stays unknown, as in `evaluation`: a query keeps the rows for which the condition is true. Columns hold NULL, never
NaN, which PostgreSQL would take for the largest number.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from kapman_assets.rules.catalogue import Name
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.tree import COMPARE, And, Compare, Condition, Cross, Not, Number, Operand, Or, Rule

Columns = Mapping[str, sa.ColumnElement[Any]]


def to_sql(rule: Rule, columns: Columns) -> sa.ColumnElement[bool]:
    """The rule as an expression.

    Args:
        rule: without a crossing, which needs the session before.
        columns: by the `column` of the rule's names, such as `table.columns`.

    Raises:
        RuleError: the rule has a crossing.
        KeyError: a column is not there.
    """
    return _clause(rule, rule.condition, columns)


def _clause(rule: Rule, condition: Condition, columns: Columns) -> sa.ColumnElement[bool]:
    match condition:
        case Compare(left, operator, right):
            clause: sa.ColumnElement[bool] = COMPARE[operator](_value(left, columns), _value(right, columns))
            return clause
        case Cross(_, _, direction, position):
            raise RuleError(f"{direction} needs the session before, which this query does not see", rule.text, position)
        case And(parts):
            return sa.and_(*(_clause(rule, part, columns) for part in parts))
        case Or(parts):
            return sa.or_(*(_clause(rule, part, columns) for part in parts))
        case Not(part):
            return sa.not_(_clause(rule, part, columns))


def _value(operand: Operand, columns: Columns) -> sa.ColumnElement[Any]:
    match operand:
        case Name():
            return columns[operand.column]
        case Number(value):
            return sa.bindparam(None, value, sa.Double)
