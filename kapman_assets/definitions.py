"""The whole asset graph in one place: `build_defs` assembles it, `defs` is what Dagster loads.

Nothing is read from the environment here: resources find their settings when a run starts. New domains add
their lists below; anything that computes belongs in a sub-package.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from kapman_assets.market import assets, checks, jobs, sensors
from kapman_assets.runs import in_process
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse

default_assets = [assets.tickers, assets.splits, assets.ohlcv]
default_asset_checks = [checks.ohlcv_checks, checks.splits_checks, checks.watchlist_trades]
default_jobs = [jobs.ohlcv_retention]
default_schedules = [jobs.ohlcv_retention_schedule]
default_sensors: list[dg.SensorDefinition] = [
    sensors.flat_files_changed,
    # One automation sensor a domain, so that a slow one blocks only itself.
    dg.AutomationConditionSensorDefinition(
        "market_automation",
        target=dg.AssetSelection.groups(assets.GROUP),
        default_status=dg.DefaultSensorStatus.RUNNING,
    ),
]


def default_resources() -> dict[str, Any]:
    """The resources of a normal deployment, all of them taking their values from the settings."""
    return {"warehouse": Warehouse(), "flat_files": FlatFilesResource(), "polygon": PolygonResource()}


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assemble the graph.

    Args:
        resource_overrides: resources by name that take the place of the defaults, for tests and for
            deployments of another kind.

    Raises:
        ValueError: an override that no asset asks for.
    """
    resources = default_resources()
    if unknown := set(resource_overrides or {}) - resources.keys():
        raise ValueError(f"no resource is called {', '.join(sorted(unknown))}; there are {', '.join(resources)}")
    return dg.Definitions(
        assets=default_assets,
        asset_checks=default_asset_checks,
        jobs=default_jobs,
        schedules=default_schedules,
        sensors=default_sensors,
        resources=resources | dict(resource_overrides or {}),
        executor=in_process,
    )


defs = build_defs()
