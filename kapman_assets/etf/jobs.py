"""When the ETF domain is looked at although nothing ran: the schedule of its check."""

import dagster as dg

from kapman_assets.etf.checks import benchmark_is_recent

benchmark_is_recent_schedule = dg.ScheduleDefinition(
    name="benchmark_is_recent_schedule",
    target=dg.AssetSelection.checks(benchmark_is_recent),
    # After the close and what is calculated from it, winter and summer. On a holiday it judges the session before.
    cron_schedule="30 19 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
"""Every session's evening: a builder that stopped does not run its check either."""
