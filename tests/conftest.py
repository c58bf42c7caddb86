"""Fixtures that every test may use: a real PostgreSQL, an empty migrated warehouse, the recorded market."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from kapman_assets.cli.environment import upgrade_warehouse
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Detection
from kapman_resources import database, embedded
from kapman_resources.embedded import EmbeddedPostgres

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("KAPMAN_REAL_DATA", PROJECT.parent / "shared" / "data"))

_SETTINGS = (
    "KAPMAN_ENV", "DATABASE_URL", "DAGSTER_DATABASE_URL", "FLATFILES_URL", "FLATFILES_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPTIONS_URL", "POLYGON_API_KEY", "OHLCV_HISTORY_DAYS",
    "OPTIONS_HISTORY_DAYS", "OPTIONS_MAX_DTE", "OPTIONS_LOWEST_STRIKE", "OPTIONS_HIGHEST_STRIKE",
    "WYCKOFF_UNIVERSE", "RISK_FREE_RATE", "ETF_UNIVERSE",
    "AI_PROVIDER", "AI_MODEL", "AI_DAILY_BUDGET_USD", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY",
    "NOTIFY_URLS", "PANEL_AUTH", "DAGSTER_UI_URL",
    "POLYGON_REQUESTS_PER_SECOND", "POLYGON_CONCURRENCY",
    "RAW_URL", "RAW_ENDPOINT_URL", "RAW_ACCESS_KEY_ID", "RAW_SECRET_ACCESS_KEY",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the Wyckoff engine before pytest-xdist starts its workers: each, and what they start, would do it anew.

    It takes twenty seconds, once a checkout; afterwards Numba finds it in its cache.
    """
    if session.config.getoption("numprocesses", None):
        replay(Bars(*np.full((5, 60), 100.0)), Detection())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Trace no test of the recorded market: it runs only where that is, and a tracer makes code half as slow again."""
    if item.get_closest_marker("real_data"):
        item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the configuration of whoever runs it."""
    forget_settings(monkeypatch, tmp_path)


def forget_settings(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Be configured by nothing; `root` takes the place of the checkout."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAPMAN_HOME", str(root / "home"))
    monkeypatch.setattr("kapman_resources.settings.project_root", lambda: root)


def open_directory() -> Path:
    """A new directory that other users may enter, deleted when the process ends.

    Run by root, the server is another user; pytest closes its own directories to all but root whenever a
    session starts.
    """
    place = Path(tempfile.mkdtemp(prefix="kapman-test-"))
    place.chmod(0o755)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """One server for all tests of a process; it stops when the process ends.

    It does not wait for the disk: what a crash leaves is tested on servers of their own.
    """
    server = embedded.start(open_directory() / "postgres")
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        run_on(server, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    run_on(server, sql.SQL("SELECT pg_reload_conf()"))
    return server


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """Name of a database to copy that has been upgraded."""
    run_on(postgres, sql.SQL("CREATE DATABASE template_warehouse"))
    upgrade_warehouse(postgres.url("template_warehouse"))
    return "template_warehouse"


@contextmanager
def new_warehouse(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of an empty migrated warehouse, which is gone afterwards."""
    name = f"w_{os.urandom(6).hex()}"
    copy_database(postgres, template, name)
    yield postgres.url(name)
    run_on(postgres, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def warehouse_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of an empty migrated warehouse of this test's own."""
    with new_warehouse(postgres, template) as url:
        yield url


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[sa.Engine]:
    """An engine on the test's warehouse."""
    engine = database.make_engine(warehouse_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The recorded market beside the checkout; tests that use it carry the mark `real_data`."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no recorded market in {REAL_DATA} (set KAPMAN_REAL_DATA)")
    return REAL_DATA


def copy_database(server: EmbeddedPostgres, template: str, name: str) -> None:
    """Create a database like another one, to which nothing is connected.

    Its files are copied: the log, which PostgreSQL prefers, takes six times as long where nothing waits for the disk.
    """
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    run_on(server, create.format(sql.Identifier(name), sql.Identifier(template)))


def run_on(server: EmbeddedPostgres, statement: sql.Composable) -> None:
    """Run a statement outside of a transaction, on the server and not in a database of a test."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
