"""The assets of the alerts domain: they read, call, write and report. What fires and who is told is decided beside."""

from datetime import UTC, date, datetime

import dagster as dg

from kapman_assets.alerts.outbox import is_news
from kapman_assets.alerts.store import write_alerts
from kapman_assets.alerts.summary import summarise, write_summary
from kapman_assets.alerts.system import raise_system_alert
from kapman_assets.automation import ANY_NEW_DATA, COMPLETE_SESSION
from kapman_assets.market.assets import OWNERS
from kapman_assets.metadata import column_schema
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.notifier import channel_names
from kapman_resources.settings import load_settings

GROUP = "alerts"


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    deps=["daily_snapshots", "universe_technicals", "etf_features", "recommendations", "recommendation_outcomes"],
    metadata={**column_schema(schema.alerts), "partition_expr": "date"},
    # With what is there: a table that does not come must not keep the others' alerts from being told.
    automation_condition=ANY_NEW_DATA,
)
def alerts(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """Conditions that fired, each once, and in the same transaction the messages that tell those that are news."""
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    channels = channel_names(load_settings().notify_urls)
    now = datetime.now(UTC)
    total = messages = 0
    with retry_if_transient(context), warehouse.engine("alerts") as engine:
        for place, session in enumerate(sessions, start=1):
            with engine.begin() as connection:
                written = write_alerts(connection, session, channels, now)
                for refused in written.refused:
                    raise_system_alert(connection, refused, channels, is_told=is_news(session, now))
            context.add_asset_metadata(
                {
                    "dagster/row_count": written.alerts,
                    "messages": written.messages,
                    "removed": written.removed,
                    **{priority.lower(): count for priority, count in written.by_priority.items()},
                },
                partition_key=session.isoformat(),
            )
            total += written.alerts
            messages += written.messages
            progress.report("alerts", place, len(sessions))
    return dg.MaterializeResult(
        metadata={
            "sessions": len(sessions),
            "rows_total": total,
            "messages_total": messages,
            "channels": ", ".join(channels) or "none",
        }
    )


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version="1",
    deps=[alerts, "daily_snapshots", "recommendations", "recommendation_reviews", "recommendation_outcomes"],
    metadata={**column_schema(schema.daily_summaries), "partition_expr": "date"},
    # Once all of them are there: the mail is sent once.
    automation_condition=COMPLETE_SESSION,
)
def daily_summaries(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """The evening's mail as text and HTML, and its message to every channel."""
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    channels = channel_names(load_settings().notify_urls)
    now = datetime.now(UTC)
    subject, messages = "", 0
    with retry_if_transient(context), warehouse.engine("daily_summaries") as engine:
        for place, session in enumerate(sessions, start=1):
            with engine.begin() as connection:
                summary = summarise(connection, session)
                messages += write_summary(connection, session, summary, channels, now)
            subject = summary.subject
            context.add_asset_metadata({"dagster/row_count": 1}, partition_key=session.isoformat())
            progress.report("daily_summaries", place, len(sessions))
    return dg.MaterializeResult(
        metadata={"sessions": len(sessions), "messages_total": messages, "last_subject": subject}
    )
