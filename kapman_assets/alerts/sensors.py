"""Sensors of the alerts domain: what is due is sent, runs that end are noted, a session that does not come is told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from kapman_assets.alerts.delivery import is_due
from kapman_assets.alerts.job_history import EndedRun, keep_run
from kapman_assets.alerts.jobs import notification_delivery
from kapman_assets.alerts.missing import missing_alerts
from kapman_assets.alerts.system import raise_system_alert
from kapman_assets.partitions import sessions_of_run
from kapman_resources.dagster_resources import PolygonResource, Warehouse
from kapman_resources.notifier import address_secrets, channel_names
from kapman_resources.redaction import redacted, secrets_of
from kapman_resources.settings import MarketKind, load_settings

_ENDS = {
    dg.DagsterEventType.RUN_SUCCESS: "SUCCESS",
    dg.DagsterEventType.RUN_FAILURE: "FAILURE",
    dg.DagsterEventType.RUN_CANCELED: "CANCELED",
}
_BACKFILL_TAG = "dagster/backfill"
_RUNS_A_TICK = 100
_ERROR_LENGTH = 2000

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(job=notification_delivery, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def deliver_notifications(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.RunRequest | dg.SkipReason:
    """Start a delivery when a message is due and none is under way."""
    channels = channel_names(load_settings().notify_urls)
    if not channels:
        return dg.SkipReason("NOTIFY_URLS names no channel: alerts are stored and shown only.")
    with warehouse.engine("deliver_notifications") as engine, engine.connect() as connection:
        if not is_due(connection, channels):
            return dg.SkipReason("Nothing is due.")
    running = dg.RunsFilter(job_name=notification_delivery.name, statuses=_UNDER_WAY)
    if context.instance.get_runs(running, limit=1):
        return dg.SkipReason("A delivery is under way.")
    return dg.RunRequest()


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def runs_ended(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SkipReason:
    """Note every run that ended in `job_runs`, and raise an alert for those that failed.

    Not one of Dagster's run status sensors: they go on after an error of their own, and a run that ended while the
    warehouse was down would be forgotten. Here a tick that fails is done again from where it began.
    """
    settings = load_settings()
    channels, secrets = channel_names(settings.notify_urls), secrets_of(settings)
    secrets += [piece for url in settings.notify_urls for piece in address_secrets(url)]
    cursors: dict[str, str | None] = json.loads(context.cursor) if context.cursor else {}
    now = datetime.now(UTC)
    kept = failures = 0
    with warehouse.engine("runs_ended") as engine:
        for kind in _ENDS:
            if kind.value not in cursors:
                # The first time: what ended before is history.
                cursors[kind.value] = context.instance.fetch_run_status_changes(kind, limit=1).cursor or None
                continue
            page = context.instance.fetch_run_status_changes(
                kind, limit=_RUNS_A_TICK, cursor=cursors[kind.value], ascending=True
            )
            ids = list(dict.fromkeys(record.run_id for record in page.records))
            for run in _ended_runs(context.instance, ids, secrets):
                with engine.begin() as connection:
                    failures += keep_run(connection, run, channels, now)
                kept += 1
            cursors[kind.value] = page.cursor or cursors[kind.value]
    context.update_cursor(json.dumps(cursors))
    return dg.SkipReason(f"{kept} runs ended; {failures} new failures.")


@dg.sensor(minimum_interval_seconds=900, default_status=dg.DefaultSensorStatus.RUNNING)
def missing_session(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, polygon: PolygonResource
) -> dg.SkipReason:
    """Raise an alert for a session whose bars or snapshots should be there by now."""
    del context
    settings = load_settings()
    if settings.market_kind is not MarketKind.LIVE:
        return dg.SkipReason(f"A {settings.market_kind} market ends where it ends.")
    channels = channel_names(settings.notify_urls)
    new = []
    with warehouse.engine("missing_session") as engine, engine.begin() as connection:
        for alert in missing_alerts(connection, datetime.now(UTC), has_evening_bars=polygon.is_live()):
            if raise_system_alert(connection, alert, channels):
                new.append(alert.title)
    return dg.SkipReason("; ".join(new) or "No session is missing that was not told.")


def _ended_runs(instance: dg.DagsterInstance, ids: list[str], secrets: list[str]) -> Iterator[EndedRun]:
    """The runs with these ids; one that was deleted meanwhile is none."""
    for record in instance.get_run_records(dg.RunsFilter(run_ids=ids)) if ids else []:
        run = record.dagster_run
        sessions = sessions_of_run(run)
        yield EndedRun(
            run_id=run.run_id,
            job=run.job_name,
            assets=sorted(key.to_user_string() for key in run.asset_selection or ()),
            first_session=sessions[0] if sessions else None,
            last_session=sessions[-1] if sessions else None,
            status=run.status.value,
            started_at=_time(record.start_time),
            ended_at=_time(record.end_time),
            error=_first_error(instance, run.run_id, secrets) if run.is_failure else None,
            backfill=run.tags.get(_BACKFILL_TAG),
        )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _first_error(instance: dg.DagsterInstance, run_id: str, secrets: list[str]) -> str | None:
    """What failed first in a run, in the words of whoever raised it; None if nothing says so."""
    ends = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=ends):
        event = entry.dagster_event
        data = event.event_specific_data if event else None
        error = getattr(data, "error", None)
        if error is None:
            continue
        while error.cause is not None and error.cls_name == "DagsterExecutionStepExecutionError":
            error = error.cause
        text = f"{event.step_key}: {error.message}" if event and event.step_key else error.message
        return redacted(text.strip(), secrets)[:_ERROR_LENGTH]
    return None
