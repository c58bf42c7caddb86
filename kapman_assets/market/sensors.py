"""Asks for sessions whose flat file appeared or changed.

The first request for a session comes from the automation condition of `ohlcv` when its key opens, hours
before the vendor publishes the file. This sensor does the rest: it polls the listing, as the vendor advises,
instead of trusting the clock.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from kapman_assets.market.assets import ohlcv
from kapman_assets.market.day_file import Source
from kapman_assets.market.ohlcv_store import StoredSession, stored_sessions
from kapman_resources.dagster_resources import FlatFilesResource, Warehouse
from kapman_resources.sessions import latest_open_session, opens_at, session_offset, sessions_between

_WATCHED_SESSIONS = 30
"""How far back a file that is published again is noticed."""

_MISSING_SESSIONS = 7
"""How far back a session that was never stored is asked for; older gaps are a backfill, which a person starts."""

_GRACE = timedelta(minutes=30)
"""Time for the automation condition's own request to be done."""


def wanted_versions(etags: dict[str, str], stored: dict[str, StoredSession], now: datetime) -> dict[str, str]:
    """Which published sessions must be taken, as ISO session to ETag.

    Args:
        etags: published sessions of the window.
        stored: those that are in the warehouse.
        now: an aware datetime.

    A session is wanted if its stored rows came from REST or from another version of the file, or if it is not
    stored although its own request is past.
    """
    newest = latest_open_session(now)
    oldest_missing = session_offset(newest, 1 - _MISSING_SESSIONS)
    wanted = {}
    for key, etag in sorted(etags.items()):
        state = stored.get(key)
        if state is None:
            day = datetime.fromisoformat(key).date()
            take = day >= oldest_missing and now >= opens_at(day) + _GRACE
        else:
            take = state.source is Source.REST or state.etag != etag
        if take:
            wanted[key] = etag
    return wanted


@dg.sensor(
    target=dg.AssetSelection.assets(ohlcv),
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def flat_files_changed(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, flat_files: FlatFilesResource
) -> dg.SensorResult | dg.SkipReason:
    """Request every recent session whose file is new or was published again."""
    del context
    now = datetime.now(UTC)
    newest = latest_open_session(now)
    window = sessions_between(session_offset(newest, 1 - _WATCHED_SESSIONS), newest)
    with warehouse.engine("flat_files_changed") as engine, engine.connect() as connection:
        stored = stored_sessions(connection, window[0], window[-1])
    if not stored:
        return dg.SkipReason(
            f"No session since {window[0]} is stored: start with `kapman materialize --from … --to …` or a backfill."
        )
    etags = flat_files.client().etags(window)
    wanted = wanted_versions(
        {day.isoformat(): etag for day, etag in etags.items()},
        {day.isoformat(): state for day, state in stored.items()},
        now,
    )
    if not wanted:
        return dg.SkipReason(f"All {len(etags)} files published since {window[0]} are stored as they are.")
    # The run key makes each version of a file requested once, whatever becomes of the run.
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"ohlcv:{key}:{etag}", partition_key=key, tags={"kapman/reason": "file changed"})
            for key, etag in wanted.items()
        ]
    )
