"""What can be wrong with a session's snapshots as a whole, found by SQL and judged by plain rules.

What they are joined from is judged where it is made. The Dagster checks around these verdicts are in `checks`.
"""

from collections.abc import Sequence
from datetime import date
from statistics import median

import sqlalchemy as sa

from kapman_assets.session_rules import by_session, every_bar_has_a_row, of_offenders
from kapman_assets.verdict import Verdict
from kapman_resources.schema import daily_snapshots
from kapman_resources.sessions import session_offset

TRAILING_SESSIONS = 20
"""Sessions before the judged one whose median is the yardstick."""

_FEWEST_SESSIONS = 5
"""Fewer sessions than this are no yardstick."""

MIN_COMPLETE_SHARE = 0.8
"""Less than this share of the usual share of complete rows is a session that something is wrong with."""


def every_watched_bar(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every watched name with a bar has its snapshot."""
    return every_bar_has_a_row(connection, daily_snapshots, sessions, watched=True)


def quality_is_explained(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """A row is complete if nothing is missing, stale without a bar, and partial otherwise."""
    rows = connection.execute(
        sa.text("""
            SELECT date, symbol || ' ' || data_quality
            FROM daily_snapshots
            WHERE date = ANY(:sessions) AND data_quality <> CASE
                WHEN 'bar' = ANY(missing) THEN 'stale' WHEN cardinality(missing) > 0 THEN 'partial' ELSE 'complete'
            END
            ORDER BY date, symbol"""),
        {"sessions": list(sessions)},
    )
    return by_session(rows, "rows that are not as good as they say")


def usual_share_is_complete(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Each session has about the share of complete rows that the sessions before it had."""
    rows = connection.execute(
        sa.text("""
            SELECT date, avg(CAST(data_quality = 'complete' AS int)) FROM daily_snapshots
            WHERE date BETWEEN :first AND :last GROUP BY date"""),
        {"first": session_offset(min(sessions), -TRAILING_SESSIONS), "last": max(sessions)},
    )
    shares = {day: float(share) for day, share in rows}
    offenders = {}
    for session in sessions:
        earliest = session_offset(session, -TRAILING_SESSIONS)
        before = [share for day, share in shares.items() if earliest <= day < session]
        usual = median(before) if len(before) >= _FEWEST_SESSIONS else 0.0
        if session in shares and shares[session] < MIN_COMPLETE_SHARE * usual:
            offenders[session.isoformat()] = f"{shares[session]:.0%} complete, usually {usual:.0%}"
    return of_offenders(offenders, "unusually few complete rows")
