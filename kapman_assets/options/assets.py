"""The assets of the options domain: they read, call, write and report. Every calculation is in the modules beside.

`options_chains` takes each session when its key opens, for the vendor shows only the newest; the metrics follow.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from kapman_assets.market.assets import OWNERS, ohlcv, splits, tickers
from kapman_assets.metadata import column_lineage, column_schema, markdown_table
from kapman_assets.options import chain_store, metrics_store
from kapman_assets.options.chain_store import TAKEN, Chain, ChainStatus
from kapman_assets.options.ingest import Terms, is_shown, store_live, store_recorded
from kapman_assets.options.lineage import COLUMN_LINEAGE
from kapman_assets.options.session_metrics import BARS, session_metrics
from kapman_assets.options.volatility import HISTORY_WINDOW
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import MAX_RETRIES, fail_partly, retry_if_transient
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from kapman_resources.errors import PermanentError
from kapman_resources.settings import load_settings

GROUP = "options"
POOL = "polygon_api"
_RETRY_SECONDS = 30.0

_CATCH_UP = timedelta(days=10)
"""How far back a session that was missed while nothing ran is still requested by itself: kept pages may have it."""


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    pool=POOL,
    deps=[tickers],
    # A configuration without a source of chains ends without a materialisation.
    output_required=False,
    metadata={**column_schema(schema.options_chains), "partition_expr": "date"},
    automation_condition=dg.AutomationCondition.on_missing().replace(
        dg.AutomationCondition.in_latest_time_window(),
        dg.AutomationCondition.in_latest_time_window(_CATCH_UP),
    ),
)
def options_chains(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    flat_files: FlatFilesResource,
    polygon: PolygonResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Option contracts of every name with `options_enabled`, one session a partition.

    Live, each page is kept raw (RAW_URL) before it is read, each chain is stored as it comes, and a run that is
    started again asks only for what is missing. A past session comes from kept or recorded pages or fails: the
    vendor has none. What became of each name is in `options_chain_status`.
    """
    if polygon.source() is None:
        context.log.info("No source of chains is configured (OPTIONS_URL).")
        return
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    done: dict[date, dict[str, Any]] = {}
    failed: dict[date, str] = {}
    with retry_if_transient(context), warehouse.engine("options_chains") as engine:
        warehouse.claim(engine, *flat_files.source())
        with engine.connect() as connection:
            chain_store.make_room(connection, sessions)
        for number, session in enumerate(sessions, start=1):
            try:
                done[session] = _take_session(context, engine, polygon, session)
            except PermanentError as error:
                failed[session] = str(error)
            progress.report("option chains", number, len(sessions))
    if failed:
        fail_partly(context, done, failed)
    for session, metadata in done.items():
        context.add_asset_metadata(metadata, partition_key=session.isoformat())
    yield dg.MaterializeResult(
        metadata={"sessions": len(done), "rows_total": sum(facts["dagster/row_count"] for facts in done.values())}
    )


@dg.multi_asset(
    name="option_metrics",
    specs=[
        dg.AssetSpec(
            table.name,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"postgres", "python"},
            code_version="1",
            deps=[
                options_chains,
                splits,
                # The longest look-back of the price metrics; sessions before the first stored one are simply not there.
                dg.AssetDep(
                    ohlcv,
                    partition_mapping=dg.TimeWindowPartitionMapping(
                        start_offset=1 - BARS, allow_nonexistent_upstream_partitions=True
                    ),
                ),
            ],
            metadata={**column_schema(table), "partition_expr": "date"},
            # Splits are refreshed every morning, which alone is no reason. A bar that is missing makes a number
            # unknown; it must not keep the others from being made.
            automation_condition=dg.AutomationCondition.eager()
            .ignore(dg.AssetSelection.assets(splits))
            .replace(
                "any_deps_missing",
                dg.AutomationCondition.any_deps_missing().ignore(dg.AssetSelection.assets(ohlcv, splits)),
            ),
        )
        for table in metrics_store.TABLES
    ],
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def option_metrics(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """Implied volatility, realised volatility and dealer positioning of every name with a chain.

    Sessions are computed in order, since each one's IV rank rests on the ones before it.
    """
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    counts: Counter[str] = Counter()
    with retry_if_transient(context), warehouse.engine("option_metrics") as engine:
        for number, session in enumerate(sessions, start=1):
            rows = _session_metrics(engine, session)
            metrics_store.write_metrics(engine, session, rows)
            for name, of_table in rows.items():
                counts[name] += len(of_table)
                context.add_asset_metadata(
                    {"dagster/row_count": len(of_table)}, asset_key=name, partition_key=session.isoformat()
                )
            progress.report("option metrics", number, len(sessions))
    for table in metrics_store.TABLES:
        context.add_asset_metadata(
            column_lineage(COLUMN_LINEAGE[table.name]), asset_key=table.name, partition_key=sessions[-1].isoformat()
        )
        yield dg.MaterializeResult(
            asset_key=table.name, metadata={"sessions": len(sessions), "rows_total": counts[table.name]}
        )


def _take_session(
    context: dg.AssetExecutionContext, engine: sa.Engine, polygon: PolygonResource, session: date
) -> dict[str, Any]:
    """Take one session from where it can be had, and say what came."""
    settings = load_settings()
    moneyness = (settings.options_lowest_strike, settings.options_highest_strike)
    terms = Terms(settings.options_max_dte, moneyness, settings.risk_free_rate)
    recorded, client = polygon.chains_recorded(), polygon.client()
    limit = None if recorded is not None else settings.kapman_env.live_watchlist
    with engine.connect() as connection:
        watched = chain_store.read_watched(connection, session, limit)
        stored = chain_store.stored_chains(connection, session)
    if not watched:
        raise PermanentError("No name has options_enabled: materialise `tickers`, which takes over the watchlist.")
    begun = time.perf_counter()
    run_id = context.run.run_id
    if recorded is not None:
        if session not in recorded.sessions():
            raise PermanentError(f"{session}: {recorded!r} has no chains of it. Record them there, or set OPTIONS_URL.")
        store_recorded(engine, recorded, session, watched=watched, terms=terms, run_id=run_id)
    elif client is not None and is_shown(session, datetime.now(UTC)):
        taken = {ticker_id for ticker_id, chain in stored.items() if chain.status in TAKEN}
        missing = [name for name in watched if name.ticker_id not in taken]
        report = store_live(engine, client, polygon.raw(), session, watched=missing, terms=terms, run_id=run_id)
        if report.may_recover and context.retry_number < MAX_RETRIES:
            raise dg.RetryRequested(MAX_RETRIES, _RETRY_SECONDS * 2**context.retry_number)
    else:
        kept = polygon.raw()
        if session not in kept.sessions():
            raise PermanentError(
                f"{session}: the vendor shows only its newest chains, and none of this session are kept in {kept!r}. "
                "Set RAW_URL to where they are, or OPTIONS_URL to recorded pages."
            )
        store_recorded(engine, kept, session, watched=watched, terms=terms, run_id=run_id)
    # What is stored now, not what this run brought: an earlier one may have taken most of it.
    with engine.connect() as connection:
        chains = list(chain_store.stored_chains(connection, session).values())
    if all(chain.status is ChainStatus.FAILED for chain in chains):
        raise PermanentError(f"{session}: not one of {len(chains)} chains came. {chains[0].reason}")
    symbols = {name.ticker_id: name.symbol for name in watched}
    return _session_facts(chains, symbols, seconds=time.perf_counter() - begun)


def _session_facts(chains: Sequence[Chain], symbols: Mapping[int, str], *, seconds: float) -> dict[str, Any]:
    statuses = Counter(chain.status for chain in chains)
    lacking = sorted(
        (symbols.get(chain.ticker_id, str(chain.ticker_id)), chain.status.value, chain.reason)
        for chain in chains
        if chain.status not in TAKEN
    )
    refused: Counter[str] = Counter()
    for chain in chains:
        refused.update(chain.refused)
    return {
        "dagster/row_count": sum(chain.contracts for chain in chains),
        "names": len(chains),
        **{status.value.lower(): count for status, count in sorted(statuses.items())},
        "pages": sum(chain.pages for chain in chains),
        "non_standard": sum(chain.contracts_non_standard for chain in chains),
        "refused": dg.MetadataValue.json(dict(refused)),
        "not_taken": markdown_table(pd.DataFrame(lacking, columns=["symbol", "status", "reason"])),
        "seconds": round(seconds, 3),
    }


def _session_metrics(engine: sa.Engine, session: date) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        chains = metrics_store.read_chains(connection, session)
        closes, volumes = metrics_store.read_bars(connection, session, BARS)
        history = metrics_store.read_iv_history(connection, session, HISTORY_WINDOW)
    return session_metrics(session, chains, closes, volumes, history)
