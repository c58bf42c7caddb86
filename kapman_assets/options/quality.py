"""What can be wrong with a session's chains and metrics as a whole, found by SQL and judged by plain rules.

Single contracts were judged when they were read (`snapshot`). The Dagster checks around these verdicts are in
`checks`.
"""

from collections.abc import Sequence
from datetime import date
from statistics import median

import sqlalchemy as sa

from kapman_assets.session_rules import by_session, of_offenders
from kapman_assets.verdict import Verdict
from kapman_resources.sessions import session_offset

TRAILING_SESSIONS = 20
"""Sessions before the judged one whose median is the yardstick."""

MIN_CONTRACTS_SHARE = 0.7
"""Fewer contracts than this share of the trailing median is a chain that is not whole; expiries alone move less."""

MAX_SAME_OI_SHARE = 0.95
"""Open interest that is this much the same as in the session before was not counted anew (reference §2.5)."""

MAX_OI_WITHOUT_GAMMA = 0.2
"""Share of open interest without a gamma from which on net exposure is doubtful (reference §4.2)."""


def all_taken(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every watched name's chain is whole, or is known to have no options."""
    rows = connection.execute(
        sa.text("""
            SELECT s.date, t.symbol || ' ' || s.status AS what
            FROM options_chain_status s JOIN tickers t ON t.ticker_id = s.ticker_id
            WHERE s.date = ANY(:sessions) AND s.status IN ('INCOMPLETE', 'FAILED')
            ORDER BY s.date, t.symbol"""),
        {"sessions": list(sessions)},
    )
    return by_session(rows, "chains that are not whole")


def options_vanished(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """No name with contracts in the session before is said to have no options now."""
    rows = connection.execute(
        sa.text("""
            SELECT s.date, t.symbol
            FROM options_chain_status s
            JOIN unnest(CAST(:sessions AS date[]), CAST(:before AS date[])) AS pair(session, earlier)
                ON pair.session = s.date
            JOIN options_chain_status b ON b.date = pair.earlier AND b.ticker_id = s.ticker_id
            JOIN tickers t ON t.ticker_id = s.ticker_id
            WHERE s.status = 'NO_OPTIONS' AND b.contracts > 0
            ORDER BY s.date, t.symbol"""),
        {"sessions": list(sessions), "before": [session_offset(day, -1) for day in sessions]},
    )
    return by_session(rows, "names whose options vanished")


def contract_floor(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Each session has about as many contracts as the ones before it."""
    if not sessions:
        return Verdict(True, "No session is judged.", {})
    first = session_offset(min(sessions), -TRAILING_SESSIONS)
    rows = connection.execute(
        sa.text("""
            SELECT date, CAST(sum(contracts) AS bigint) FROM options_chain_status
            WHERE date BETWEEN :first AND :last GROUP BY date"""),
        {"first": first, "last": max(sessions)},
    )
    counts: dict[date, int] = dict(rows.all())
    offenders = {}
    for session in sessions:
        before = [
            count for day, count in counts.items() if session_offset(session, -TRAILING_SESSIONS) <= day < session
        ]
        usual = median(before) if before else 0
        if session in counts and counts[session] < MIN_CONTRACTS_SHARE * usual:
            offenders[session.isoformat()] = f"{counts[session]:,} contracts, usually {usual:,.0f}"
    return of_offenders(offenders, "sessions with too few contracts")


def open_interest_moves(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Open interest is not the one of the session before over again."""
    # Materialised, so that the planner joins two sets of rows by hashing whatever it believes of a new partition.
    query = sa.text("""
        WITH now AS MATERIALIZED (
            SELECT ticker_id, contract, open_interest FROM options_chains WHERE date = :session AND open_interest > 0
        ), before AS MATERIALIZED (
            SELECT ticker_id, contract, open_interest FROM options_chains WHERE date = :before
        )
        SELECT avg(CAST(now.open_interest = before.open_interest AS int))
        FROM now JOIN before ON before.ticker_id = now.ticker_id AND before.contract = now.contract""")
    offenders = {}
    for session in sessions:
        same = connection.scalar(query, {"session": session, "before": session_offset(session, -1)})
        if same is not None and same > MAX_SAME_OI_SHARE:
            offenders[session.isoformat()] = f"{same:.1%} of the contracts have the open interest of the session before"
    return of_offenders(offenders, "sessions whose open interest did not move")


def gamma_known(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Little open interest is without a gamma."""
    rows = connection.execute(
        sa.text("""
            SELECT d.date, t.symbol
            FROM dealer_metrics d JOIN tickers t ON t.ticker_id = d.ticker_id
            WHERE d.date = ANY(:sessions) AND d.oi_without_gamma > :most * d.total_oi
            ORDER BY d.date, t.symbol"""),
        {"sessions": list(sessions), "most": MAX_OI_WITHOUT_GAMMA},
    )
    return by_session(rows, "names with much open interest without gamma")


def metrics_for_each_chain(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every stored chain has its dealer and volatility metrics."""
    rows = connection.execute(
        sa.text("""
            SELECT s.date, t.symbol
            FROM options_chain_status s
            JOIN tickers t ON t.ticker_id = s.ticker_id
            LEFT JOIN dealer_metrics d ON d.date = s.date AND d.ticker_id = s.ticker_id
            LEFT JOIN volatility_metrics v ON v.date = s.date AND v.ticker_id = s.ticker_id
            WHERE s.date = ANY(:sessions) AND s.status IN ('COMPLETE', 'INCOMPLETE')
              AND (d.date IS NULL OR v.date IS NULL)
            ORDER BY s.date, t.symbol"""),
        {"sessions": list(sessions)},
    )
    return by_session(rows, "chains without metrics")
