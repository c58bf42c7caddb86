"""Runs that ended: one row each in `job_runs`, and an alert of operation for what failed. Dagster is not known here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_assets.alerts.system import raise_system_alert
from kapman_resources.schema import job_runs
from kapman_resources.sessions import latest_open_session

FAILURE = "FAILURE"

_NAMED_ASSETS = 3


@dataclass(frozen=True)
class EndedRun:
    """A run of Dagster's that ended.

    Attributes:
        run_id: Dagster's.
        job: name of the job.
        assets: asset keys that it was to make, sorted; empty for a job of ops.
        first_session, last_session: of its partitions; None without any.
        status: SUCCESS, FAILURE or CANCELED.
        started_at, ended_at: UTC; None if it never began.
        error: its first error, without secrets; None without one.
        backfill: id of the backfill that it is part of; None for one by itself.
    """

    run_id: str
    job: str
    assets: Sequence[str]
    first_session: date | None
    last_session: date | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None = None
    backfill: str | None = None


def keep_run(connection: sa.Connection, run: EndedRun, channels: Sequence[str], now: datetime) -> bool:
    """Note a run that ended, once, and raise an alert if it failed.

    A job that fails for the same sessions (or in the same backfill) again is told once a day.

    Args:
        connection: in a transaction, which the caller commits.
        run: the run.
        channels: names of the configured channels.
        now: an aware datetime.

    Returns:
        Whether it is a new failure that is an alert.
    """
    row = {name: value for name, value in asdict(run).items() if name != "backfill"} | {"assets": list(run.assets)}
    connection.execute(insert(job_runs).values(row).on_conflict_do_nothing())
    if run.status != FAILURE:
        return False
    return raise_system_alert(connection, _alert(run, latest_open_session(now)), channels)


def _alert(run: EndedRun, session: date) -> Alert:
    # A run of assets has no name of its own.
    named = ", ".join(run.assets[:_NAMED_ASSETS]) + (", …" if len(run.assets) > _NAMED_ASSETS else "")
    what = named or run.job
    if run.first_session is None:
        sessions = ""
    elif run.first_session == run.last_session:
        sessions = f" of {run.first_session}"
    else:
        sessions = f" of {run.first_session} to {run.last_session}"
    about = f" in backfill {run.backfill}" if run.backfill else sessions
    return Alert(
        session=session,
        kind=Kind.SYSTEM,
        code="RUN_FAILED",
        subject=f"{what}{about}",
        priority=Priority.HIGH,
        title=f"Run failed: {what}{sessions}",
        message=f"{run.error or 'It ended without an error of its own.'}\n\nRun {run.run_id}: see its log in Dagster.",
        facts={"run_id": run.run_id, "job": run.job, "assets": list(run.assets), "backfill": run.backfill},
    )
