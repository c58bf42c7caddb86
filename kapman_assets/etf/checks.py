"""Asset check of the ETF domain: a thin wrapper around the verdict of `quality`."""

from datetime import UTC, datetime

import dagster as dg

from kapman_assets.check_results import result_of
from kapman_assets.etf import quality
from kapman_assets.etf.assets import etf_features
from kapman_assets.partitions import sessions_of_run
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session


@dg.asset_check(
    asset=etf_features, name=quality.benchmark_is_recent.__name__, description=quality.benchmark_is_recent.__doc__
)
def benchmark_is_recent(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Judge up to the last session of the run, or up to the newest one if it has none; red when it fails."""
    sessions = sessions_of_run(context.run) or [latest_open_session(datetime.now(UTC))]
    with warehouse.engine("etf_features_checks") as engine, engine.connect() as connection:
        verdict = quality.benchmark_is_recent(connection, sessions)
    return result_of(context.check_specs[0].key, verdict, is_error=True)
