"""The asset of the ETF domain: it reads, calls, writes and reports. Every calculation is in the modules beside.

A row sees two to three years of bars (`look_back`), although it depends on the session's own bars alone: a gap in them
makes numbers unknown, it must not keep a session from being made.
"""

from datetime import date

import dagster as dg

from kapman_assets.automation import NEW_BARS, RED_CHECK
from kapman_assets.etf.features import PIPELINE_VERSION
from kapman_assets.etf.store import unknown_symbols, write_features
from kapman_assets.market.assets import OWNERS, ohlcv, splits
from kapman_assets.metadata import column_schema
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.settings import load_settings

GROUP = "etf"

_AT_A_TIME = 250
"""Sessions that are calculated together: their common past is read once, and a transaction stays short."""


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version=PIPELINE_VERSION,
    deps=[ohlcv, splits],
    metadata={**column_schema(schema.etf_features), "partition_expr": "date"},
    automation_condition=NEW_BARS | RED_CHECK,
)
def etf_features(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """Composite z-scores, their parts, and strength against SPY of the names in `ETF_UNIVERSE`, at three horizons."""
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    universe = load_settings().etf_universe
    total = 0
    with retry_if_transient(context), warehouse.engine("etf_features") as engine:
        unknown = unknown_symbols(engine, universe)
        if unknown:
            context.log.warning("ETF_UNIVERSE names %s, which the warehouse has never seen.", ", ".join(unknown))
        for start in range(0, len(sessions), _AT_A_TIME):
            some = sessions[start : start + _AT_A_TIME]
            for session, rows in write_features(engine, some, universe).items():
                context.add_asset_metadata({"dagster/row_count": rows}, partition_key=session.isoformat())
                total += rows
            progress.report("etf_features", start + len(some), len(sessions))
    return dg.MaterializeResult(
        metadata={"sessions": len(sessions), "rows_total": total, "unknown_symbols": ", ".join(unknown) or "none"}
    )
