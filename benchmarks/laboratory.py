"""What every benchmark stands on: a temporary home with a server of its own, simulated markets, warehouses.

Nothing is measured here but how long a market took to simulate, which only its first writing can tell.
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import sqlalchemy as sa

from kapman_assets.market import reference
from kapman_assets.market.split_factors import with_factors
from kapman_resources import dagster_home, database, embedded
from kapman_resources.database import DatabaseUrls
from kapman_resources.polygon import Polygon, RecordedPages, collected
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import Settings
from kapman_resources.simulation import MarketPlan, simulate

FIRST_SESSION = date(2022, 1, 3)
"""Session 0 of every market here: the same rows whenever the suite runs."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        names: of the single session's market (all listed from beginning to end) and of the history's (over
            its whole life).
        session_repeats: single sessions that are ingested beside the yardstick, in a young warehouse and after
            the history.
        run_repeats: single sessions that are ingested by a whole Dagster run.
        history_sessions: sessions of the history, ingested in one run.
        part_sessions: the newest of them, ingested once more in a process and a warehouse of their own.
        small_names: of the small simulated market.
        small_sessions: of the small simulated market.
        flip_contracts: of the one chain whose gamma flip is looked for.
        chains: of the watchlist whose metrics are calculated.
        chain_contracts: of each of them.
    """

    names: int
    session_repeats: int
    run_repeats: int
    history_sessions: int
    part_sessions: int
    small_names: int
    small_sessions: int
    flip_contracts: int
    chains: int
    chain_contracts: int


FULL = Sizes(15_000, 11, 5, 730, 182, 300, 520, 12_000, 143, 1_500)
QUICK = Sizes(400, 3, 2, 40, 10, 50, 40, 1_000, 5, 200)


@dataclass(frozen=True)
class Market:
    """A simulated market in a directory, and how long it took to write."""

    directory: Path
    sessions: list[date]
    rows: int
    seconds: float


class Laboratory:
    """A temporary home with an embedded server; both are gone when the process has ended."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        directory = TemporaryDirectory(prefix="kapman-benchmarks-")
        # Before the server starts: what is registered first runs last, and the server stops at exit too.
        atexit.register(directory.cleanup)
        self.home = Path(directory.name)
        self._server = embedded.start(self.home / "postgres")

    @cached_property
    def history_market(self) -> Market:
        """The large market: the sessions of the history, and those that are taken one by one after it."""
        sessions = self.sizes.history_sessions + self.sizes.session_repeats
        return self.simulate("history", names=self.sizes.names, sessions=sessions)

    def simulate(self, name: str, *, names: int, sessions: int, is_steady: bool = False) -> Market:
        """Write a market; `is_steady` lists all names from its first session to its last."""
        last = session_offset(FIRST_SESSION, sessions - 1)
        plan = MarketPlan(first_session=FIRST_SESSION, watched=(), names=names)
        if is_steady:
            plan = MarketPlan(
                first_session=FIRST_SESSION, watched=(), names=names, late_listing_share=0, delistings_per_year=0
            )
        directory = self.home / "markets" / name
        begun = time.perf_counter()
        written = simulate(directory, plan, through=last)
        seconds = time.perf_counter() - begun
        return Market(directory, sessions_between(FIRST_SESSION, last), written.rows_written, seconds)

    def url(self, warehouse: str) -> str:
        """Address of a database of the server."""
        return self._server.url(warehouse)

    def create_warehouse(self, name: str, market: Market) -> None:
        """Create a warehouse that knows the market's tickers and splits, and no bar."""
        database.ensure_database(self.url(name))
        database.upgrade(self.url(name))
        polygon = Polygon(RecordedPages(market.directory / "rest"))
        tickers = polygon.ask(lambda client: collected(client.tickers(active=True), client.tickers(active=False)))
        splits = polygon.ask(lambda client: collected(client.splits()))
        with self.engine(name) as engine, engine.begin() as connection:
            reference.store_reference(connection, tickers)
            reference.store_splits(connection, with_factors(reference.split_frame(splits)))

    def drop_warehouse(self, name: str) -> None:
        """Drop a warehouse."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(name)))

    @contextmanager
    def engine(self, warehouse: str) -> Iterator[sa.Engine]:
        """An engine on one of the warehouses, closed with the block."""
        engine = database.make_engine(self.url(warehouse), application_name="benchmarks")
        try:
            yield engine
        finally:
            engine.dispose()

    def checkpoint(self) -> None:
        """Have the server write what it still owes, so that the next measurement does not pay for the last."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def environment(self, warehouse: str, market: Market) -> dict[str, str]:
        """What a process needs in its environment to run assets on a warehouse and a market."""
        urls = DatabaseUrls(self.url(warehouse), self.url(embedded.DAGSTER))
        settings = Settings(_env_file=None, kapman_home=self.home)
        return {
            **os.environ,
            **dagster_home.dagster_environment(settings, urls),
            "FLATFILES_URL": str(market.directory / "flatfiles"),
            "OPTIONS_URL": str(market.directory / "rest"),
        }
