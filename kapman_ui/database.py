"""How pages reach the warehouse: cached reads that a new materialisation makes anew, and short writes.

No page is known here, and no table but those of Dagster's checks. What is read is a function of `queries`; its name,
its arguments and the state of the tables that it reads are the cache's key, so that a page shows a new run without a
restart and asks nothing twice.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar, cast

import pandas as pd
import sqlalchemy as sa
import streamlit as st

from kapman_resources.database import database_urls, make_engine
from kapman_resources.panel_role import panel_engine
from kapman_resources.settings import load_settings
from kapman_ui.queries import data
from kapman_ui.queries.marking import tables_of

P = ParamSpec("P")
T = TypeVar("T")

_CHECKS_SECONDS = 10
_STATE_SECONDS = 2
"""For so long a page does not look again whether tables have changed."""

# The server counts what each table's transactions wrote; partitions count for their table. Only ever compared.
_STATE = sa.text("""
    SELECT coalesce(i.inhparent::regclass::text, s.relname) AS name,
           sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint AS written
    FROM pg_stat_user_tables s LEFT JOIN pg_inherits i ON i.inhrelid = s.relid
    WHERE s.schemaname = 'public'
    GROUP BY 1
""")


def fetch(query: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The answer of a query, from the cache while none of its tables has been written to.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    state = table_state()
    seen = tuple(state.get(table, 0) for table in tables_of(query))
    name = f"{query.__module__}.{query.__qualname__}"
    arguments: tuple[Hashable, ...] = (*args, *sorted(kwargs.items()))
    answer = _answer(name, arguments, seen, _ask=lambda: _asked(query, *args, **kwargs))
    return cast("T", answer)


def _asked(query: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    with engine().connect() as connection:
        return query(connection, *args, **kwargs)


@st.cache_data(max_entries=400, show_spinner=False)
def _answer(name: str, arguments: tuple[Hashable, ...], seen: tuple[int, ...], _ask: Callable[[], object]) -> object:
    del name, arguments, seen  # they are the key
    return _ask()


@st.cache_data(ttl=_STATE_SECONDS, show_spinner=False)
def table_state() -> Mapping[str, int]:
    """Rows written by table since the server began to count."""
    with engine().connect() as connection:
        return {row.name: row.written for row in connection.execute(_STATE)}


@st.cache_data(ttl=_CHECKS_SECONDS, show_spinner=False)
def fetch_checks() -> pd.DataFrame:
    """The newest verdict of every asset check, from Dagster's own storage; none where that is not there."""
    try:
        with _dagster().connect() as connection:
            return data.checks(connection)
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        # No database, or none of Dagster's yet: the page is about the warehouse, and goes on.
        return data.NO_CHECKS


@contextmanager
def writing() -> Iterator[sa.Connection]:
    """A transaction on the users' own tables; the role can write no other.

    What it wrote is counted when it is over: the server would otherwise take its time, and what the user has just
    written be news to the page.
    """
    with engine().begin() as connection:
        yield connection
        connection.execute(sa.select(sa.func.pg_stat_force_next_flush()))
    table_state.clear()


@st.cache_resource(show_spinner=False)
def engine() -> sa.Engine:
    """The panel's engine, one a process."""
    return panel_engine(database_urls(load_settings()).warehouse)


@st.cache_resource(show_spinner=False)
def _dagster() -> sa.Engine:
    return make_engine(database_urls(load_settings()).dagster, application_name="kapman:panel", read_only=True)
