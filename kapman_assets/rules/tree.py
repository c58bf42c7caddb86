"""A rule as a typed tree."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kapman_assets.rules.catalogue import Name


class Operator(StrEnum):
    """How two values are compared."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    NOT_EQUAL = "!="


COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
}


class Direction(StrEnum):
    """Which crossings count."""

    EITHER = "cross"
    ABOVE = "cross_above"
    BELOW = "cross_below"


@dataclass(frozen=True)
class Number:
    """A finite number."""

    value: float


Operand = Name | Number


@dataclass(frozen=True)
class Compare:
    """`left operator right`, of which at least one is a name."""

    left: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True)
class Cross:
    """`left` was on one side of `right` the session before and now is on it or beyond.

    Attributes:
        left: what crosses.
        right: what is crossed; at least one of the two is a name.
        direction: upwards, downwards or either.
        position: where it stands in the text.
    """

    left: Operand
    right: Operand
    direction: Direction
    position: int


@dataclass(frozen=True)
class And:
    """All of the parts."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Or:
    """Any of the parts."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: "Condition"


Condition = Compare | Cross | And | Or | Not


@dataclass(frozen=True)
class Rule:
    """A rule that was read.

    Attributes:
        text: as written.
        condition: what it says.
    """

    text: str
    condition: Condition

    @property
    def names(self) -> tuple[Name, ...]:
        """The names it uses, each once, in the order of the text."""
        return tuple(dict.fromkeys(name for name, _ in _names(self.condition)))

    @property
    def needs_previous(self) -> bool:
        """Whether it looks at the session before."""
        return any(is_crossing for _, is_crossing in _names(self.condition))


def _names(condition: Condition) -> "list[tuple[Name, bool]]":
    """Each name, and whether it is part of a crossing."""
    match condition:
        case Compare(left, _, right) | Cross(left, right):
            is_crossing = isinstance(condition, Cross)
            return [(operand, is_crossing) for operand in (left, right) if isinstance(operand, Name)]
        case And(parts) | Or(parts):
            return [found for part in parts for found in _names(part)]
        case Not(part):
            return _names(part)
