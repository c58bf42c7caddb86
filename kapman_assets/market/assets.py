"""The assets of the base layer: they read, call, write and report. Every calculation is in the modules beside.

`tickers` and `splits` are refreshed every morning; `ohlcv` takes each session when its key opens, and again
when its file appears or changes (see `sensors`).
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from kapman_assets.market import reference
from kapman_assets.market.ingest import IngestedSession, IngestReport, ingest_sessions
from kapman_assets.market.split_factors import with_factors
from kapman_assets.metadata import column_schema, markdown_table
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import fail_partly, log_materialised, retry_if_transient
from kapman_resources import schema
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from kapman_resources.polygon import NotRecorded, Polygon, collected
from kapman_resources.watchlist import read_watchlist

OWNERS = ["team:data"]
GROUP = "market"
_EXAMPLES = 20
"""Names listed in metadata; the tables hold all of them."""

_CATCH_UP = timedelta(days=10)
"""How far back a session that was missed while nothing ran is still requested by itself."""


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    metadata=column_schema(schema.tickers),
    automation_condition=dg.AutomationCondition.on_cron("0 6 * * *", "America/New_York"),
)
def tickers(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    flat_files: FlatFilesResource,
    polygon: PolygonResource,
) -> dg.MaterializeResult[None]:
    """Every name ever seen: identity from the vendor's reference, portfolios from the watchlist file.

    Names that only the daily files know are added by `ohlcv` when it first meets them. A watchlist name that
    the reference calls delisted, or does not know, is reported and keeps its place.
    """
    with retry_if_transient(context), warehouse.engine("tickers") as engine:
        warehouse.claim(engine, *flat_files.source())
        rows = _reference_rows(
            context, polygon, lambda client: collected(client.tickers(active=True), client.tickers(active=False))
        )
        with engine.begin() as connection:
            reference.store_reference(connection, rows)
            watched = reference.store_watchlist(connection, read_watchlist(), has_reference=bool(rows))
            total = connection.scalar(sa.select(sa.func.count()).select_from(schema.tickers))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": total or 0,
            "reference_rows": len(rows),
            "watchlist_symbols": watched.symbols,
            "watchlist_not_active": dg.MetadataValue.json(list(watched.not_active)),
            "portfolios_created": dg.MetadataValue.json(list(watched.created_portfolios)),
        }
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    deps=[tickers],
    metadata=column_schema(schema.splits),
    automation_condition=dg.AutomationCondition.eager(),
)
def splits(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    flat_files: FlatFilesResource,
    polygon: PolygonResource,
) -> dg.MaterializeResult[None]:
    """Share splits with the cumulative factor that `fn_ohlcv_adjusted` applies to the bars before them."""
    with retry_if_transient(context), warehouse.engine("splits") as engine:
        warehouse.claim(engine, *flat_files.source())
        rows = _reference_rows(context, polygon, lambda client: collected(client.splits()))
        cleaned = with_factors(reference.split_frame(rows))
        with engine.begin() as connection:
            stored, without_ticker = reference.store_splits(connection, cleaned)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": stored,
            "refused": markdown_table(cleaned.refused.head(_EXAMPLES)),
            "refused_count": len(cleaned.refused),
            "symbols_without_ticker": len(without_ticker),
        }
    )


@dg.asset(
    partitions_def=SESSIONS,
    # One run takes any range: a run a session would cost some seconds each.
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "s3"},
    code_version="1",
    deps=[tickers],
    # A session whose file is not published yet, and that no other source has, ends without a materialisation.
    output_required=False,
    metadata={**column_schema(schema.ohlcv), "partition_expr": "date"},
    automation_condition=dg.AutomationCondition.on_missing().replace(
        dg.AutomationCondition.in_latest_time_window(),
        dg.AutomationCondition.in_latest_time_window(_CATCH_UP),
    ),
)
def ohlcv(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    flat_files: FlatFilesResource,
    polygon: PolygonResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Raw daily bars of the whole universe, one session a partition.

    From the vendor's flat file, or from REST grouped daily while there is no file. Each session is replaced in
    one transaction; refused rows are in `ohlcv_quarantine`, provenance in `ohlcv_sessions`.
    """
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    with retry_if_transient(context), warehouse.engine("ohlcv") as engine:
        warehouse.claim(engine, *flat_files.source())
        report = ingest_sessions(engine, flat_files.client(), polygon.client(), sessions, run_id=context.run.run_id)
    for entry in report.done:
        context.add_asset_metadata(_session_metadata(entry), partition_key=entry.session.isoformat())
    if report.pending:
        context.log.info(
            "Not published yet, and no REST source has them: %s. The sensor flat_files_changed asks again.",
            ", ".join(day.isoformat() for day in sorted(report.pending)),
        )
    stored = {entry.session: _session_metadata(entry) for entry in report.done} | {day: {} for day in report.already}
    if report.failed:
        tried = f"\nThe {len(report.not_tried)} sessions before it were not tried." if report.not_tried else ""
        fail_partly(context, stored, report.failed, note=tried)
    if report.pending:
        # Some of the range is not there, so the step must not claim all of it: say which sessions are.
        log_materialised(context, stored)
    if not report.pending:
        yield dg.MaterializeResult(metadata=_run_metadata(report))


def _reference_rows(
    context: dg.AssetExecutionContext,
    polygon: PolygonResource,
    question: Callable[[Polygon], Awaitable[list[dict[str, Any]]]],
) -> list[dict[str, Any]]:
    """Every row of a reference list; none where this configuration has no reference source, or no recording of it.

    Taken whole before anything is written: a list that breaks off changes nothing, and no transaction waits for
    the vendor.
    """
    client = polygon.client()
    if client is None:
        context.log.info("No reference source is configured (OPTIONS_URL).")
        return []
    try:
        return client.ask(question)
    except NotRecorded as missing:
        context.log.warning("%s", missing)
        return []


def _session_metadata(entry: IngestedSession) -> dict[str, Any]:
    return {
        "dagster/row_count": entry.report.stored,
        "dagster/uri": entry.origin.uri,
        "source": entry.source.value,
        "rows_read": entry.rows_read,
        "rows_refused": entry.report.refused,
        "new_symbols": len(entry.report.new_symbols),
        "replaced": entry.report.replaced,
        "file_late": entry.late,
        "bytes": entry.origin.bytes or 0,
        "seconds": round(entry.seconds, 4),
    }


def _run_metadata(report: IngestReport) -> dict[str, Any]:
    new = sorted({symbol for entry in report.done for symbol in entry.report.new_symbols})
    seconds = sum(entry.seconds for entry in report.done)
    rows = sum(entry.report.stored for entry in report.done)
    return {
        "sessions": len(report.done),
        "rows_total": rows,
        "bytes_total": sum(entry.origin.bytes or 0 for entry in report.done),
        "rows_per_second": round(rows / seconds) if seconds else 0,
        "new_symbols_total": len(new),
        "new_symbol_examples": dg.MetadataValue.json(new[:_EXAMPLES]),
    }
