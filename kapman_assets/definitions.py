"""The whole asset graph in one place: `build_defs` assembles it, `defs` is what Dagster loads.

Nothing is read from the environment here: resources find their settings when a run starts. New domains add
their lists below; anything that computes belongs in a sub-package.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from kapman_assets.alerts import assets as alerts
from kapman_assets.alerts import checks as alerts_checks
from kapman_assets.alerts import jobs as alerts_jobs
from kapman_assets.alerts import sensors as alerts_sensors
from kapman_assets.decisions import assets as decisions
from kapman_assets.decisions import checks as decisions_checks
from kapman_assets.decisions import outcome_assets as outcomes
from kapman_assets.etf import assets as etf
from kapman_assets.etf import checks as etf_checks
from kapman_assets.etf import jobs as etf_jobs
from kapman_assets.market import assets as market
from kapman_assets.market import checks as market_checks
from kapman_assets.market import jobs as market_jobs
from kapman_assets.market import sensors as market_sensors
from kapman_assets.options import assets as options
from kapman_assets.options import checks as options_checks
from kapman_assets.options import jobs as options_jobs
from kapman_assets.runs import in_process
from kapman_assets.snapshots import checks as snapshots_checks
from kapman_assets.sql_models import build_assets, load_models
from kapman_assets.technicals import assets as technicals
from kapman_assets.technicals import checks as technicals_checks
from kapman_assets.wyckoff import assets as wyckoff
from kapman_assets.wyckoff import checks as wyckoff_checks
from kapman_resources.dagster_resources import AdvisorResource, FlatFilesResource, PolygonResource, Warehouse

default_assets = [
    market.tickers,
    market.splits,
    market.ohlcv,
    options.options_chains,
    options.option_metrics,
    technicals.universe_technicals,
    technicals.technical_indicators,
    wyckoff.wyckoff,
    etf.etf_features,
    alerts.alerts,
    alerts.daily_summaries,
    *build_assets(load_models()),
    decisions.advice,
    outcomes.recommendation_outcomes,
    outcomes.recommendation_reviews,
    outcomes.confidence_calibration,
]
default_asset_checks = [
    market_checks.ohlcv_checks,
    market_checks.splits_checks,
    market_checks.watchlist_trades,
    options_checks.options_chains_checks,
    options_checks.option_metrics_checks,
    technicals_checks.universe_technicals_checks,
    technicals_checks.technical_indicators_checks,
    wyckoff_checks.wyckoff_checks,
    snapshots_checks.daily_snapshots_checks,
    etf_checks.benchmark_is_recent,
    decisions_checks.recommendation_checks,
    alerts_checks.alerts_checks,
]
default_jobs = [market_jobs.ohlcv_retention, options_jobs.options_retention, alerts_jobs.notification_delivery]
default_schedules = [
    market_jobs.ohlcv_retention_schedule,
    options_jobs.options_retention_schedule,
    etf_jobs.benchmark_is_recent_schedule,
]
default_sensors: list[dg.SensorDefinition] = [
    market_sensors.flat_files_changed,
    alerts_sensors.deliver_notifications,
    alerts_sensors.runs_ended,
    alerts_sensors.missing_session,
    # One automation sensor a domain, so that a slow one blocks only itself.
    *(
        dg.AutomationConditionSensorDefinition(
            f"{group}_automation",
            target=dg.AssetSelection.groups(group),
            default_status=dg.DefaultSensorStatus.RUNNING,
        )
        for group in (
            market.GROUP,
            options.GROUP,
            technicals.GROUP,
            wyckoff.GROUP,
            etf.GROUP,
            "snapshots",
            decisions.GROUP,
            alerts.GROUP,
        )
    ),
]


def default_resources() -> dict[str, Any]:
    """The resources of a normal deployment, all of them taking their values from the settings."""
    return {
        "warehouse": Warehouse(),
        "flat_files": FlatFilesResource(),
        "polygon": PolygonResource(),
        "advisor": AdvisorResource(),
    }


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
