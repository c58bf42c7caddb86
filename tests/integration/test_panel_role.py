"""What the panel may do in the database: read everything, write its users' own tables, and nothing else."""

import os
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from psycopg import sql

from kapman_assets.market.ohlcv_store import lock_for_writing
from kapman_resources import database, panel_role, schema
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.errors import ConfigurationError
from kapman_resources.panel_role import USER_TABLES, panel_engine
from kapman_ui.queries import portfolios
from tests.conftest import run_on


@pytest.fixture
def panel(warehouse_url: str) -> Iterator[sa.Engine]:
    engine = panel_engine(warehouse_url)
    yield engine
    engine.dispose()


def test_the_panel_reads_every_table_and_view(panel: sa.Engine) -> None:
    with panel.connect() as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == "kapman_panel"
        for name in [*schema.metadata.tables, *sa.inspect(connection).get_view_names()]:
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name)))


@pytest.mark.parametrize("name", sorted(schema.metadata.tables))
def test_the_panel_writes_only_what_is_its_users(panel: sa.Engine, name: str) -> None:
    table = schema.metadata.tables[name]
    with panel.connect() as connection:
        if table in USER_TABLES:
            connection.execute(sa.delete(table))
        else:
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                connection.execute(sa.delete(table))


def test_the_panel_takes_note_of_an_alert_and_changes_nothing_else_of_it(panel: sa.Engine) -> None:
    alerts = schema.alerts
    with panel.connect() as connection:
        connection.execute(sa.update(alerts).values(acknowledged_at=sa.func.now(), acknowledged_by="local"))
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.update(alerts).values(title="changed"))


def followed(connection: sa.Connection) -> set[str]:
    return set(connection.scalars(sa.select(schema.tickers.c.symbol).where(schema.tickers.c.options_enabled)))


def test_a_name_is_followed_from_the_moment_it_is_put_into_a_portfolio(engine: sa.Engine, panel: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": symbol} for symbol in ("AAA", "BBB", "CCC")])
    with panel.begin() as connection:
        mine = portfolios.create(connection, "Mine", None)
        assert portfolios.put(connection, mine, {"AAA": "P1", "BBB": "P2"}) == []
        assert followed(connection) == {"AAA", "BBB"}
    with engine.begin() as connection:
        connection.execute(sa.update(schema.tickers).values(options_enabled=False))
    # Switched off it stays so until it is put in again.
    with panel.begin() as connection:
        portfolios.put(connection, mine, {"AAA": "P2"})
        assert followed(connection) == set()
        portfolios.take_out(connection, mine, ["AAA"])
        portfolios.add(connection, mine, ["AAA", "BBB"], "P1")
        assert followed(connection) == {"AAA"}


def test_who_follows_a_name_waits_for_those_who_write_tickers(engine: sa.Engine, panel: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": "AAA"}])
    with engine.begin() as writer, panel.connect() as connection:
        lock_for_writing(writer)
        connection.execute(sa.text("SET lock_timeout = '50ms'"))
        mine = portfolios.create(connection, "Mine", None)
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            portfolios.put(connection, mine, {"AAA": "P1"})


def test_the_panel_reads_what_is_made_later(engine: sa.Engine, panel: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE made_later (a integer)"))
        connection.execute(sa.text("CREATE VIEW seen_later AS SELECT 1 AS a"))
    with panel.connect() as connection:
        for name in ("made_later", "seen_later"):
            connection.execute(sa.text(f"SELECT a FROM {name}"))


@pytest.fixture
def owners(postgres: EmbeddedPostgres, template: str) -> Iterator[Callable[[str], str]]:
    """Makes a database user with some attributes and a migrated warehouse of its own; its address."""
    del template  # made before, it brought the role to the server
    made: list[str] = []

    def make(attributes: str) -> str:
        name = f"owner_{os.urandom(4).hex()}"
        made.append(name)
        run_on(postgres, sql.SQL(f"CREATE ROLE {{}} LOGIN {attributes}").format(sql.Identifier(name)))
        run_on(postgres, sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
        url = sa.make_url(postgres.url(name)).set(username=name).render_as_string(hide_password=False)
        database.upgrade(url)
        return url

    yield make
    for name in made:
        run_on(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        run_on(postgres, sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def granted(url: str) -> None:
    engine = database.make_engine(url, application_name="test")
    try:
        with engine.begin() as connection:
            panel_role.grant(connection)
    finally:
        engine.dispose()


def test_a_user_that_may_not_create_roles_is_told_what_to_ask_for(owners: Callable[[str], str]) -> None:
    url = owners("")
    with pytest.raises(ConfigurationError, match="GRANT kapman_panel TO <that user> WITH ADMIN OPTION"):
        granted(url)


def test_a_user_whom_an_administrator_gave_the_role_grants_the_rest(
    owners: Callable[[str], str], postgres: EmbeddedPostgres
) -> None:
    url = owners("")
    name = sa.make_url(url).username or ""
    # The words of the error.
    run_on(postgres, sql.SQL("GRANT kapman_panel TO {} WITH ADMIN OPTION").format(sql.Identifier(name)))
    granted(url)
    panel = panel_engine(url)
    with panel.connect() as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == "kapman_panel"
        connection.execute(sa.delete(schema.watchlist))
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.delete(schema.tickers))
    panel.dispose()
