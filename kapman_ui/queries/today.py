"""Queries of the Today page: what the newest session asks for, what is open, and what changed since the one before."""

from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa

from kapman_resources.schema import alerts, daily_snapshots, tickers, wyckoff_phases
from kapman_ui.queries.marking import depends_on
from kapman_ui.queries.recommendations import ADVICE, BRIEF, TABLES

_OPEN_DAYS = 60
"""Calendar days in which an idea of 20 sessions has ended, whatever came between."""

_MOST = 200

_ASKING = ("EXIT_CRITICAL", "EXIT_WARNING", "ENTRY_SIGNAL", "ENTRY_SETUP")
"""Signals that ask for something."""


@depends_on(daily_snapshots)
def session_before(connection: sa.Connection, session: date) -> date | None:
    """The session with snapshots before one; None if it is the first."""
    c = daily_snapshots.c
    before: date | None = connection.scalar(sa.select(sa.func.max(c.date)).where(c.date < session))
    return before


@depends_on(wyckoff_phases, daily_snapshots)
def signals(connection: sa.Connection, session: date) -> pd.DataFrame:
    """Names of a session whose signal asks for something, by symbol.

    Returns:
        `symbol`, `signal_type`, `bc_score`, `spring_score`, `primary_event`, `wyckoff_phase`, `data_quality`.
    """
    w, s = wyckoff_phases.c, daily_snapshots.c
    names = (w.signal_type, s.bc_score, s.spring_score, s.primary_event, s.wyckoff_phase, s.data_quality)
    query = (
        sa.select(tickers.c.symbol, *names)
        .select_from(wyckoff_phases)
        .join(daily_snapshots, (s.date == w.date) & (s.ticker_id == w.ticker_id))
        .join(tickers, tickers.c.ticker_id == w.ticker_id)
        .where(w.date == session, s.date == session, w.signal_type.in_(_ASKING))
        .order_by(tickers.c.symbol)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=["symbol", *(name.name for name in names)])


@depends_on(daily_snapshots)
def names_read(connection: sa.Connection, session: date) -> tuple[int, int]:
    """How many names have a snapshot in a session, and how many of them no Wyckoff reading."""
    c = daily_snapshots.c
    unread = sa.func.count().filter(c.events_detected.is_(None))
    names, without = connection.execute(sa.select(sa.func.count(), unread).where(c.date == session)).one()
    return names, without


@depends_on(alerts)
def critical_alerts(connection: sa.Connection, session: date, user_id: str) -> pd.DataFrame:
    """CRITICAL alerts of a session for a user: `symbol`, `code`, `title`, `message`, by symbol."""
    c = alerts.c
    query = (
        sa.select(c.symbol, c.code, c.title, c.message)
        .where(c.date == session, c.priority == "CRITICAL", sa.or_(c.user_id.is_(None), c.user_id == user_id))
        .order_by(c.symbol, c.alert_id)
        .limit(_MOST)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=["symbol", "code", "title", "message"])


@depends_on(*TABLES)
def open_recommendations(connection: sa.Connection, session: date) -> pd.DataFrame:
    """What is open at the newest session, in the columns of `recommendations.BRIEF`.

    Those whose review says CLOSE come first, then TIGHTEN, and within them the most confident, by the calibrated
    confidence where there is one.
    """
    c = ADVICE.c
    urgency = sa.case((c.review_verdict == "CLOSE", 0), (c.review_verdict == "TIGHTEN", 1), else_=2)
    query = (
        sa.select(*(c[name] for name in BRIEF))
        .where(c.date.between(session - timedelta(days=_OPEN_DAYS), session), c.status == "OPEN")
        .order_by(urgency, sa.func.coalesce(c.calibrated_confidence, c.confidence).desc(), c.date.desc(), c.symbol)
        .limit(_MOST)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=list(BRIEF))


@depends_on(*TABLES)
def closed(connection: sa.Connection, session: date) -> pd.DataFrame:
    """What ended in a session, in the columns of `recommendations.BRIEF`, by symbol."""
    c = ADVICE.c
    query = (
        sa.select(*(c[name] for name in BRIEF))
        .where(c.date.between(session - timedelta(days=_OPEN_DAYS), session), c.outcome_date == session)
        .order_by(c.symbol, c.date)
        .limit(_MOST)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=list(BRIEF))


@depends_on(wyckoff_phases, daily_snapshots)
def changes(connection: sa.Connection, session: date, before: date) -> pd.DataFrame:
    """Names whose signal or phase is another than in the session before, by symbol.

    Returns:
        `symbol`, `signal_before`, `signal_now`, `phase_before`, `phase_now`.
    """
    now, then = daily_snapshots.alias("now"), daily_snapshots.alias("then")
    read, was = wyckoff_phases.alias("read"), wyckoff_phases.alias("was")
    query = (
        sa.select(
            tickers.c.symbol,
            was.c.signal_type.label("signal_before"),
            read.c.signal_type.label("signal_now"),
            then.c.wyckoff_phase.label("phase_before"),
            now.c.wyckoff_phase.label("phase_now"),
        )
        .select_from(now)
        .join(then, (then.c.ticker_id == now.c.ticker_id) & (then.c.date == before))
        .join(read, (read.c.ticker_id == now.c.ticker_id) & (read.c.date == session))
        .join(was, (was.c.ticker_id == now.c.ticker_id) & (was.c.date == before))
        .join(tickers, tickers.c.ticker_id == now.c.ticker_id)
        .where(
            now.c.date == session,
            sa.or_(
                read.c.signal_type.is_distinct_from(was.c.signal_type),
                now.c.wyckoff_phase.is_distinct_from(then.c.wyckoff_phase),
            ),
        )
        .order_by(tickers.c.symbol)
        .limit(_MOST)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))
