"""The assets of the technicals: they read, call, write and report. Every calculation is in the modules beside.

Both see the past from `history_start` on, although they depend on the session's own bars alone: a gap in two years
of bars makes numbers unknown, it must not keep a session from being made.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import dagster as dg
import sqlalchemy as sa

from kapman_assets.automation import NEW_BARS
from kapman_assets.market.assets import OWNERS, ohlcv, splits
from kapman_assets.metadata import column_schema
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_assets.technicals import store
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import Warehouse

GROUP = "technicals"

_AT_A_TIME = 60
"""Sessions that are calculated together: their common past is read once, and memory stays bounded."""

_Write = Callable[[sa.Engine, Sequence[date]], dict[date, int]]


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    deps=[ohlcv, splits],
    metadata={**column_schema(schema.universe_technicals), "partition_expr": "date"},
    automation_condition=NEW_BARS,
)
def universe_technicals(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """The screener's columns of every name with a bar in the session, from bars adjusted as of it."""
    return _made(context, warehouse, store.write_universe)


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    deps=[ohlcv, splits],
    metadata={**column_schema(schema.technical_indicators), "partition_expr": "date"},
    automation_condition=NEW_BARS,
)
def technical_indicators(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """The 84 indicators and the named columns of every watched name with a bar in the session."""
    return _made(context, warehouse, store.write_indicators)


def _made(context: dg.AssetExecutionContext, warehouse: Warehouse, write: _Write) -> dg.MaterializeResult[None]:
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    name = context.asset_key.to_user_string()
    total = 0
    with retry_if_transient(context), warehouse.engine(name) as engine:
        for done, some in _parts(sessions):
            for session, rows in write(engine, some).items():
                context.add_asset_metadata({"dagster/row_count": rows}, partition_key=session.isoformat())
                total += rows
            progress.report(name, done + len(some), len(sessions))
    return dg.MaterializeResult(metadata={"sessions": len(sessions), "rows_total": total})


def _parts(sessions: Sequence[date]) -> Iterator[tuple[int, Sequence[date]]]:
    """The sessions in parts of a bounded length, each with how many came before it."""
    for start in range(0, len(sessions), _AT_A_TIME):
        yield start, sessions[start : start + _AT_A_TIME]
