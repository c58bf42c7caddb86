"""Where the databases are and how to connect to them: addresses, engines, migrations, backup.

Tables are defined in `schema`, their physical partitions in `partitioning`; nothing here reads or writes a
row of the market.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
import psycopg.sql
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from kapman_resources import embedded, partitioning
from kapman_resources.errors import ConfigurationError, KapmanError
from kapman_resources.settings import Settings

_MIGRATION_LOCK = 0x6B61_706D_0001
"""Advisory lock that lets one process migrate at a time ("kapm", 1)."""


_RESTORE_NAMES = ("", "_restoring", "_replaced")
"""Suffixes of the databases that a restore exchanges: the current one, the new one, the old one."""


@dataclass(frozen=True)
class DatabaseUrls:
    """Addresses (`postgresql://…`) of the warehouse and of Dagster's own storage."""

    warehouse: str
    dagster: str

    @property
    def dagster_storage(self) -> str:
        """Dagster's address with the only driver its storage works on: SQLAlchemy 2.1 would pick psycopg 3."""
        return _with_driver(self.dagster, "postgresql+psycopg2")


def database_urls(settings: Settings) -> DatabaseUrls:
    """Resolve both databases, starting the embedded server when no `DATABASE_URL` is set.

    Raises:
        ConfigurationError: an address that is not PostgreSQL.
        EmbeddedServerError: the embedded server does not come up.
    """
    if settings.database_url is None:
        server = embedded.start(settings.kapman_home / "postgres")
        warehouse, dagster = server.url(embedded.WAREHOUSE), server.url(embedded.DAGSTER)
    else:
        warehouse = _plain(settings.database_url.get_secret_value(), "DATABASE_URL")
        dagster = sa.make_url(warehouse).set(database="dagster").render_as_string(hide_password=False)
    if settings.dagster_database_url is not None:
        dagster = _plain(settings.dagster_database_url.get_secret_value(), "DAGSTER_DATABASE_URL")
    return DatabaseUrls(warehouse, dagster)


def make_engine(url: str, *, application_name: str, read_only: bool = False) -> sa.Engine:
    """An engine on psycopg 3 whose connections carry `application_name` (at most 63 characters are kept)."""
    options = "-c default_transaction_read_only=on" if read_only else ""
    return sa.create_engine(
        _with_driver(url, "postgresql+psycopg"),
        connect_args={"application_name": application_name[:63], "options": options, "connect_timeout": 10},
        pool_pre_ping=True,
        # Nothing here is an hstore; looking for the type costs every new engine a round trip.
        use_native_hstore=False,
    )


def driver_connection(connection: sa.Connection) -> psycopg.Connection:
    """The psycopg connection under a SQLAlchemy one, for COPY inside its transaction."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError(f"expected a psycopg connection, got {type(raw).__name__}")
    return raw


def ensure_database(url: str) -> None:
    """Create the database of `url` if its server is reachable and does not have it.

    Raises:
        ConfigurationError: the server cannot be reached or refuses, without the password.
    """
    target = sa.make_url(url)
    try:
        psycopg.connect(url, connect_timeout=10).close()
        return
    except psycopg.OperationalError as error:
        if f'database "{target.database}" does not exist' not in str(error):
            raise ConfigurationError(
                f"No answer from PostgreSQL at {target.render_as_string(hide_password=True)}: {error}. "
                "Check DATABASE_URL and DAGSTER_DATABASE_URL, and that the server runs."
            ) from None
    maintenance = target.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
        name = psycopg.sql.Identifier(target.database or "")
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(name))


def upgrade(url: str) -> None:
    """Bring the warehouse's schema to the newest revision; safe to call twice at once."""
    engine = make_engine(url, application_name="kapman:migrate")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
            config = _alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
    finally:
        engine.dispose()


@dataclass(frozen=True)
class SchemaStatus:
    """The revision a warehouse is at (None: no schema yet) and the one this Kapman needs."""

    current: str | None
    needed: str

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.needed


def schema_status(url: str) -> SchemaStatus:
    """Compare the warehouse's revision with the code's."""
    needed = ScriptDirectory.from_config(_alembic_config()).get_current_head()
    engine = make_engine(url, application_name="kapman:status")
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return SchemaStatus(current, str(needed))


def backup(url: str, target: Path) -> None:
    """Write a compressed `pg_dump` of the warehouse to `target`; an existing file is replaced only when done.

    Raises:
        KapmanError: pg_dump failed, with what it said.
    """
    partial = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    _run_client("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={partial}", f"--dbname={url}")
    partial.replace(target)


def restore(url: str, source: Path) -> None:
    """Replace the warehouse by a file that `backup` wrote.

    The file is restored into a database of its own first; the two are exchanged only when that has succeeded.

    Raises:
        KapmanError: the file is not there, pg_restore failed, somebody is still connected, or the warehouse is on
            TimescaleDB, which has a procedure of its own; the warehouse is then unchanged.
    """
    if not source.exists():
        raise KapmanError(f"There is no backup at {source}.")
    _require_plain_postgresql(url)
    target = sa.make_url(url)
    current, restored, replaced = (psycopg.sql.Identifier(f"{target.database}{tail}") for tail in _RESTORE_NAMES)
    maintenance = target.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        for leftover in (restored, replaced):
            connection.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {}").format(leftover))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(restored))
        into = target.set(database=f"{target.database}{_RESTORE_NAMES[1]}").render_as_string(hide_password=False)
        _run_client("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={into}", str(source))
        rename = psycopg.sql.SQL("ALTER DATABASE {} RENAME TO {}")
        try:
            with connection.transaction():
                connection.execute(rename.format(current, replaced))
                connection.execute(rename.format(restored, current))
        except psycopg.errors.ObjectInUse:
            raise KapmanError(
                f"The database {target.database} is in use; stop `kapman up` and every other connection, then restore."
            ) from None
        connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(replaced))


def _require_plain_postgresql(url: str) -> None:
    engine = make_engine(url, application_name="kapman:restore", read_only=True)
    with engine.connect() as connection:
        is_timescale = partitioning.has_timescale(connection)
    engine.dispose()
    if is_timescale:
        raise KapmanError(
            "This warehouse is on TimescaleDB, whose dumps are restored by its own procedure: "
            "timescaledb_pre_restore(), pg_restore, timescaledb_post_restore() in a new database. Nothing was changed."
        )


def _run_client(program: str, *arguments: str) -> None:
    # The programs of the embedded server speak to every PostgreSQL up to their own version.
    done = subprocess.run(  # noqa: S603 fixed program, arguments are not interpreted by a shell
        [str(embedded.binary(program)), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise KapmanError(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _plain(url: str, variable: str) -> str:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigurationError(f"{variable} is not a database address; write postgresql://user@host/name.") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigurationError(f"{variable} must begin with postgresql://, not {parsed.drivername}://.")
    return _with_driver(url, "postgresql")


def _with_driver(url: str, driver: str) -> str:
    return sa.make_url(url).set(drivername=driver).render_as_string(hide_password=False)
