"""What the `ohlcv` asset does for one session, called without Dagster around it, and beside the yardstick."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import mean
from typing import Self

import dagster as dg

from benchmarks.laboratory import Market
from benchmarks.yardstick import Yardstick, parsed
from kapman_assets.market import ohlcv_store
from kapman_assets.market.ingest import ingest_sessions
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse


@dataclass(frozen=True)
class Taken:
    """One ingested session.

    Attributes:
        seconds: all of it, from connecting to the last connection's end.
        work: seconds of reading, judging and writing alone, as the asset reports them.
        rows: stored.
    """

    seconds: float
    work: float
    rows: int


@dataclass(frozen=True)
class AssetCalls:
    """The resources of the asset, and what it does with them."""

    warehouse: Warehouse
    flat_files: FlatFilesResource
    polygon: PolygonResource

    @classmethod
    def on(cls, url: str, market: Market) -> Self:
        """The asset's resources for one warehouse and one market."""
        warehouse = Warehouse(url=url)
        warehouse.setup_for_execution(dg.build_init_resource_context())
        return cls(
            warehouse,
            FlatFilesResource(location=str(market.directory / "flatfiles")),
            PolygonResource(location=str(market.directory / "rest")),
        )

    def take(self, session: date) -> Taken:
        """Ingest one session as a new run would."""
        begun = time.perf_counter()
        with self.warehouse.engine("ohlcv") as engine:
            self.warehouse.claim(engine, *self.flat_files.source())
            report = ingest_sessions(
                engine, self.flat_files.client(), self.polygon.client(), [session], run_id=uuid.uuid4().hex
            )
        seconds = time.perf_counter() - begun
        (entry,) = report.done
        return Taken(seconds, entry.seconds, entry.report.stored)


@dataclass(frozen=True)
class Pairs:
    """Seconds of the yardstick and of ingest (all of it, the work alone) on the same sessions; mean rows of one."""

    bare: list[float]
    ingest: list[float]
    work: list[float]
    rows: float


def beside_yardstick(calls: AssetCalls, yardstick: Yardstick, sessions: Sequence[date]) -> Pairs:
    """Take each session with both, every time the other one first."""
    with calls.warehouse.engine("index") as engine, engine.connect() as connection:
        index = ohlcv_store.load_ticker_index(connection)
    flat_files = calls.flat_files.client()
    bare, taken = [], []
    for number, session in enumerate(sessions):
        rows = parsed(flat_files, session, index)
        if number % 2:
            bare.append(yardstick.load(rows))
        taken.append(calls.take(session))
        if not number % 2:
            bare.append(yardstick.load(rows))
    return Pairs(bare, [one.seconds for one in taken], [one.work for one in taken], mean(one.rows for one in taken))
