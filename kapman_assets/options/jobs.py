"""Maintenance of the options domain: old chains go; their metrics and totals stay as long as the bars do."""

import dagster as dg
import sqlalchemy as sa

from kapman_assets.runs import in_process
from kapman_resources import partitioning
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.schema import options_chain_status, options_chains
from kapman_resources.settings import load_settings


@dg.op
def drop_old_chains(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """Drop the months of `options_chains` that lie wholly before the sessions to keep (OPTIONS_HISTORY_DAYS).

    The pages under RAW_URL stay: whoever wants an old chain back materialises its session again.
    """
    keep = load_settings().options_history_days
    c = options_chain_status.c
    with warehouse.engine("options_retention") as engine, engine.begin() as connection:
        newest_first = sa.select(c.date).distinct().order_by(c.date.desc())
        first_kept = connection.scalar(newest_first.offset(keep - 1).limit(1))
        dropped = (
            []
            if first_kept is None
            else partitioning.drop_before(connection, options_chains.name, first_kept, dry_run=False)
        )
    names = ", ".join(piece.name for piece in dropped) or "nothing"
    context.log.info("Keeping %d sessions, from %s on. Dropped: %s", keep, first_kept or "the first", names)


@dg.job(executor_def=in_process, description="Keeps options_chains to its last sessions by dropping whole months.")
def options_retention() -> None:
    """Run the one step of the job."""
    drop_old_chains()


options_retention_schedule = dg.ScheduleDefinition(
    job=options_retention,
    cron_schedule="45 3 * * 0",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
"""Sundays, when no session opens."""
