"""Maintenance jobs of the base layer, with their schedules."""

import dagster as dg

from kapman_assets.market.retention import drop_old_sessions
from kapman_assets.runs import in_process
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.settings import load_settings


class RetentionConfig(dg.Config):
    """How many sessions stay."""

    dry_run: bool = False
    """Only say what would be dropped."""

    keep_sessions: int = 0
    """Sessions to keep; 0 takes OHLCV_HISTORY_DAYS."""


@dg.op
def drop_old_ohlcv(context: dg.OpExecutionContext, config: RetentionConfig, warehouse: Warehouse) -> None:
    """Drop the months that lie wholly before the sessions to keep: their bars and what was computed from them."""
    keep = config.keep_sessions or load_settings().ohlcv_history_days
    with warehouse.engine("ohlcv_retention") as engine:
        report = drop_old_sessions(engine, keep, dry_run=config.dry_run)
    context.log.info(
        "%s %d partitions (%.1f MB, %d sessions) and %d computed rows; keeping %d sessions from %s on: %s",
        "Would drop" if config.dry_run else "Dropped",
        len(report.dropped),
        report.bytes / 1e6,
        report.sessions,
        report.rows,
        keep,
        report.first_kept or "the first",
        ", ".join(report.dropped) or "nothing",
    )


@dg.job(
    executor_def=in_process,
    description="Keeps bars and what was computed from them to their last sessions, by whole months.",
)
def ohlcv_retention() -> None:
    """Run the one step of the job."""
    drop_old_ohlcv()


ohlcv_retention_schedule = dg.ScheduleDefinition(
    job=ohlcv_retention,
    cron_schedule="30 3 * * 0",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
"""Sundays, when no session opens."""
