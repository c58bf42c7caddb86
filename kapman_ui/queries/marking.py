"""Marks a query with the tables whose writes make its answer old; the cache in `database` goes by it."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

P = ParamSpec("P")
T = TypeVar("T")

_tables: dict[Callable[..., object], tuple[str, ...]] = {}


def depends_on(
    *tables: sa.Table,
) -> Callable[[Callable[Concatenate[sa.Connection, P], T]], Callable[Concatenate[sa.Connection, P], T]]:
    """Mark a query, which takes a connection first; a view counts as the tables behind it."""

    def mark(query: Callable[Concatenate[sa.Connection, P], T]) -> Callable[Concatenate[sa.Connection, P], T]:
        _tables[query] = tuple(table.name for table in tables)
        return query

    return mark


def tables_of(query: Callable[..., object]) -> tuple[str, ...]:
    """The tables a query was marked with.

    Raises:
        KeyError: it was not, and nobody would know when its answer is old.
    """
    return _tables[query]
