"""The database role of the trader panel: it reads everything and writes the users' own tables alone.

It cannot log in: the panel connects as Kapman does and steps down with `SET ROLE`, so that a mistake in a page is
refused by the database.
"""

import psycopg
import sqlalchemy as sa

from kapman_resources import database, schema
from kapman_resources.errors import ConfigurationError

USER_TABLES = (
    schema.portfolios,
    schema.portfolio_tickers,
    schema.watchlist,
    schema.alert_rules,
    schema.user_settings,
)
"""What users write through the panel; of an alert they also write that they took note of it."""

_CREATE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'kapman_panel') THEN CREATE ROLE kapman_panel NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object THEN NULL; -- somebody else created it just now
END $$
"""
_RIGHTS = (
    "GRANT USAGE ON SCHEMA public TO kapman_panel",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO kapman_panel",
    # For partitions and views that come later.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO kapman_panel",
    "GRANT UPDATE (acknowledged_at, acknowledged_by) ON alerts TO kapman_panel",
    *(f"GRANT INSERT, UPDATE, DELETE ON {table.name} TO kapman_panel" for table in USER_TABLES),
)


def grant(connection: sa.Connection) -> None:
    """Create the role if the server does not have it, and give it its rights on every table and view that there is.

    Raises:
        ConfigurationError: the connecting user may not create roles, and there is none yet.
    """
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(_CREATE)
            connection.exec_driver_sql("GRANT kapman_panel TO CURRENT_USER")
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(
            "The database user of DATABASE_URL may not create the role kapman_panel: let an administrator run "
            "CREATE ROLE kapman_panel NOLOGIN; GRANT kapman_panel TO <that user> WITH ADMIN OPTION; then try again."
        ) from None
    for statement in _RIGHTS:
        connection.exec_driver_sql(statement)


def panel_engine(url: str, *, application_name: str = "kapman:panel") -> sa.Engine:
    """An engine whose connections have the panel's rights and no others."""
    engine = database.make_engine(url, application_name=application_name)

    @sa.event.listens_for(engine, "connect")
    def step_down(connection: psycopg.Connection, _record: object) -> None:
        autocommit, connection.autocommit = connection.autocommit, True
        connection.execute("SET ROLE kapman_panel")
        connection.autocommit = autocommit

    return engine
