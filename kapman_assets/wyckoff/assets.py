"""The assets of the Wyckoff domain: they read, call, write and report. Every rule is in the modules beside."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from kapman_assets.automation import NEW_BARS_OR_METRICS
from kapman_assets.market.assets import OWNERS, ohlcv, splits
from kapman_assets.metadata import column_schema
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.settings import load_settings

GROUP = "wyckoff"

_AT_A_TIME = 30
"""Sessions that are read together: their common past is fetched once, and a transaction stays short."""


@dg.multi_asset(
    name="wyckoff",
    specs=[
        dg.AssetSpec(
            table.name,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"postgres", "python"},
            code_version=Parameters().version,
            deps=[ohlcv, splits, "options_daily_summary", "volatility_metrics"],
            metadata={**column_schema(table), "partition_expr": "date"},
            automation_condition=NEW_BARS_OR_METRICS,
        )
        for table in (schema.wyckoff_events, schema.wyckoff_phases)
    ],
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def wyckoff(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """Events in the session that confirmed each, and where each watched name is in its cycle.

    Every session is read from a window of bars that ends on it, and its climax score from option metrics as well where
    there are any. `WYCKOFF_UNIVERSE=all` reads every name.
    """
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    everyone = load_settings().wyckoff_universe == "all"
    totals = {schema.wyckoff_events.name: 0, schema.wyckoff_phases.name: 0}
    with retry_if_transient(context), warehouse.engine("wyckoff") as engine:
        for start in range(0, len(sessions), _AT_A_TIME):
            some = sessions[start : start + _AT_A_TIME]
            for session, counts in write_readings(engine, some, Parameters(), everyone=everyone).items():
                for name, count in zip(totals, counts, strict=True):
                    totals[name] += count
                    context.add_asset_metadata(
                        {"dagster/row_count": count}, asset_key=name, partition_key=session.isoformat()
                    )
            progress.report("wyckoff", start + len(some), len(sessions))
    for name, total in totals.items():
        yield dg.MaterializeResult(asset_key=name, metadata={"sessions": len(sessions), "rows_total": total})
