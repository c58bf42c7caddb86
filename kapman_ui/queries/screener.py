"""Queries of the screener: conditions in the rule language on the technical columns of every name of a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_assets.rules.catalogue import Catalogue, Name
from kapman_assets.rules.parser import parse
from kapman_assets.rules.sql import to_sql
from kapman_assets.rules.tree import Rule
from kapman_assets.technicals.screen import screenable
from kapman_resources.schema import tickers, universe_technicals
from kapman_ui.queries.marking import depends_on

COLUMNS: tuple[str, ...] = tuple(name for name in screenable(universe_technicals) if name != "ticker_id")
"""What a condition may name."""

CATALOGUE = Catalogue(
    # The comment of a column is where its unit stands.
    Name(name, str(universe_technicals.c[name].comment), f"universe_technicals.{name}", name)
    for name in COLUMNS
)

_IDENTITY = ("symbol", "name", "sector", "type")


@dataclass(frozen=True)
class Counts:
    """How many names of a session conditions match.

    Attributes:
        total: names with a row in the session.
        each: names that match the single conditions, in their order.
        every: names that match all of them together.
        unknown: names of which it is not known whether they do, for want of a column.
    """

    total: int
    each: tuple[int, ...]
    every: int
    unknown: int


@depends_on(universe_technicals)
def newest(connection: sa.Connection) -> date | None:
    """The newest session with technical columns."""
    found: date | None = connection.scalar(sa.select(sa.func.max(universe_technicals.c.date)))
    return found


@depends_on(universe_technicals)
def counts(connection: sa.Connection, session: date, conditions: Sequence[str]) -> Counts:
    """Count the names that meet conditions.

    Raises:
        RuleError: a condition cannot be read, or looks at the session before.
    """
    clauses = [_clause(text) for text in conditions]
    every = sa.and_(sa.true(), *clauses)
    count = sa.func.count()
    query = sa.select(
        count, count.filter(every), count.filter(every.is_(None)), *(count.filter(clause) for clause in clauses)
    ).where(universe_technicals.c.date == session)
    total, matching, unknown, *each = connection.execute(query).one()
    return Counts(total, tuple(each), matching, unknown)


@depends_on(universe_technicals, tickers)
def matches(
    connection: sa.Connection,
    session: date,
    conditions: Sequence[str],
    *,
    order: str,
    descending: bool,
    limit: int | None,
) -> pd.DataFrame:
    """The names that meet all conditions.

    Args:
        connection: to the warehouse.
        session: theirs.
        conditions: in the rule language; none lets all pass.
        order: of `COLUMNS`; names of which it is unknown come last, and equal ones by symbol.
        descending: whether the highest comes first.
        limit: the most rows; None for all.

    Returns:
        `symbol`, `name`, `sector`, `type` and `COLUMNS`, NaN where unknown.

    Raises:
        RuleError: a condition cannot be read, or looks at the session before.
        KeyError: the order is none of `COLUMNS`.
    """
    c = universe_technicals.c
    column = {name: c[name] for name in COLUMNS}[order]
    query = (
        sa.select(*(tickers.c[name] for name in _IDENTITY), *(c[name] for name in COLUMNS))
        .join(tickers, tickers.c.ticker_id == c.ticker_id)
        .where(c.date == session, *(_clause(text) for text in conditions))
        .order_by((column.desc() if descending else column.asc()).nulls_last(), tickers.c.symbol)
        .limit(limit)
    )
    rows = pd.DataFrame(connection.execute(query).all(), columns=[*_IDENTITY, *COLUMNS])
    return rows.astype(dict.fromkeys(COLUMNS, "float64"))


def parsed(text: str) -> Rule:
    """A condition as a tree.

    Raises:
        RuleError: it cannot be read.
    """
    return parse(text, CATALOGUE)


def _clause(text: str) -> sa.ColumnElement[Any]:
    return to_sql(parsed(text), {name: universe_technicals.c[name] for name in COLUMNS})
