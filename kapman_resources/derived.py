"""Views and tables that hold the result of a query: how they come to be, and how their rows are replaced.

Which queries there are is not known here. Everything happens in the caller's transaction: a process that is killed
leaves what was there before.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
import sqlalchemy as sa
from psycopg import sql

from kapman_resources.database import driver_connection
from kapman_resources.errors import KapmanError

_VIEWS_LOCK = 0x6B61_706D_0010
"""Advisory lock that lets one process make views at a time ("kapm", 16)."""


@dataclass(frozen=True)
class View:
    """A view, its comment and those of its columns."""

    name: str
    query: str
    comment: str | None
    columns: Mapping[str, str | None]


def replace_views(connection: sa.Connection, views: Sequence[View]) -> None:
    """Create or replace views, each given after those that it reads.

    A view with the same columns as before, or more after them, is replaced in place. If any has others, all are made
    anew, and rights that were granted on them are gone.

    Raises:
        KapmanError: a view must be made anew, and something that is not among `views` depends on it.
    """
    raw = driver_connection(connection)
    raw.execute("SELECT pg_advisory_xact_lock(%s)", [_VIEWS_LOCK])
    try:
        with raw.transaction():
            _create(raw, views)
    except psycopg.errors.InvalidTableDefinition:
        for view in reversed(views):
            _drop(raw, view)
        _create(raw, views)


def replace_rows(connection: sa.Connection, table: str, query: str, columns: Sequence[str]) -> int:
    """Replace all rows of a table by a query's; how many there are now."""
    raw = driver_connection(connection)
    raw.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    return raw.execute(_insert(table, query, columns)).rowcount


def replace_sessions(
    connection: sa.Connection, table: str, query: str, columns: Sequence[str], sessions: Sequence[date]
) -> dict[date, int]:
    """Replace a table's rows of some sessions, which are in its column `date`; how many each has now.

    Args:
        connection: in a transaction.
        table: to write to.
        query: with the parameters `%(first)s` and `%(last)s`; any other per cent sign stands for itself.
        columns: which of the query's columns are written, under the same name.
        sessions: every session of a range, ascending.

    Raises:
        KapmanError: the query gives rows of other days.
    """
    raw, bounds = driver_connection(connection), {"first": sessions[0], "last": sessions[-1]}
    delete = sql.SQL("DELETE FROM {} WHERE date BETWEEN %(first)s AND %(last)s")
    raw.execute(delete.format(sql.Identifier(table)), bounds)
    insert = _insert(table, re.sub(r"%(?!\((?:first|last)\)s)", "%%", query), columns)
    count = sql.SQL("WITH stored AS ({} RETURNING date) SELECT date, count(*) FROM stored GROUP BY date")
    rows: dict[date, int] = dict(raw.execute(count.format(insert), bounds).fetchall())
    if others := sorted(rows.keys() - set(sessions)):
        raise KapmanError(
            f"The query of {table} gives rows of {', '.join(map(str, others))} when asked for the sessions from "
            f"{sessions[0]} to {sessions[-1]}: it must select by var('first') and var('last')."
        )
    return {session: rows.get(session, 0) for session in sessions}


def _insert(table: str, query: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    # In parentheses on lines of their own, so that neither a WITH nor a comment reaches beyond the query.
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM (\n{}\n) AS derived")
    return statement.format(sql.Identifier(table), names, names, sql.SQL(query))


def _create(raw: psycopg.Connection, views: Sequence[View]) -> None:
    for view in views:
        name = sql.Identifier(view.name)
        raw.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS\n{}").format(name, sql.SQL(view.query)))
        raw.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, view.comment))
        for column, comment in view.columns.items():
            name = sql.Identifier(view.name, column)
            raw.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(name, comment))


def _drop(raw: psycopg.Connection, view: View) -> None:
    try:
        raw.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(sql.Identifier(view.name)))
    except psycopg.errors.DependentObjectsStillExist as error:
        raise KapmanError(
            f"Kapman's views have other columns now, and {view.name} cannot be made anew: {error.diag.message_detail}. "
            "Drop what is not Kapman's, run `kapman db upgrade`, and create it again."
        ) from error
