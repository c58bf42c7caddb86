"""What can be wrong with stored recommendations as a whole. The Dagster checks around the verdicts are in `checks`."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from kapman_assets.decisions.recommendation_store import read_new_signals
from kapman_assets.verdict import Verdict
from kapman_resources.sessions import ranges_of, sessions_between

MAX_FALLBACK_SHARE = 0.2
"""Share of a session's candidates that the rules may answer for a model before a reader should know."""

_CENT = 0.01
_EXAMPLES = 3


def legs_in_chain(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every leg is a standard contract of its session's chain, as far as chains are still kept."""
    rows = connection.execute(
        sa.text("""
            SELECT l.date, r.symbol || ' ' || l.contract
            FROM recommendation_legs l
            JOIN recommendations r ON r.date = l.date AND r.ticker_id = l.ticker_id
            WHERE l.date = ANY(:sessions)
              AND EXISTS (SELECT 1 FROM options_chains k WHERE k.date = l.date AND k.ticker_id = l.ticker_id)
              AND NOT EXISTS (
                  SELECT 1 FROM options_chains c
                  WHERE c.date = l.date AND c.ticker_id = l.ticker_id AND c.contract = l.contract
                    AND c.contract_type = l.contract_type AND c.strike = l.strike
                    AND c.expiration_date = l.expiration_date AND c.multiplier = l.multiplier AND c.is_standard)
            ORDER BY l.date, r.symbol, l.leg"""),
        {"sessions": list(sessions)},
    )
    return _verdict(rows, "legs that no chain holds; materialise recommendations again")


def candidates_answered(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every candidate has a recommendation."""
    found = connection.execute(
        sa.text("SELECT date, ticker_id FROM recommendations WHERE date = ANY(:sessions)"), {"sessions": list(sessions)}
    )
    answered = {(row.date, row.ticker_id) for row in found}
    lacking = [
        (one.date, one.ticker_id)
        for first, last in ranges_of(sorted(sessions))
        for one in read_new_signals(connection, sessions_between(first, last))
        if (one.date, one.ticker_id) not in answered
    ]
    symbols: dict[int, str] = dict(
        connection.execute(
            sa.text("SELECT ticker_id, symbol FROM tickers WHERE ticker_id = ANY(:ids)"),
            {"ids": [ticker_id for _, ticker_id in lacking]},
        ).all()
    )
    names = [(session, symbols[ticker_id]) for session, ticker_id in lacking]
    return _verdict(names, "candidates without a recommendation; materialise recommendations again")


def model_answers(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """The rules answered seldom for a model that was to be asked; of the past it is not."""
    rows = connection.execute(
        sa.text("""
            SELECT date, count(*) FILTER (WHERE fallback_reason NOT LIKE 'PAST_SESSION%') || ' of ' || count(*) || ': '
                || min(fallback_reason)
            FROM recommendations
            WHERE date = ANY(:sessions)
            GROUP BY date
            HAVING count(*) FILTER (WHERE fallback_reason NOT LIKE 'PAST_SESSION%') > :most * count(*)
            ORDER BY date"""),
        {"sessions": list(sessions), "most": MAX_FALLBACK_SHARE},
    )
    return _verdict(rows, "names for which the rules answered instead of the model")


def budget_kept(connection: sa.Connection, sessions: Sequence[date], limit: float) -> Verdict:
    """The answers about a session cost no more than AI_DAILY_BUDGET_USD, as it is set now."""
    rows = connection.execute(
        sa.text("""
            SELECT date, 'USD ' || round(CAST(sum(cost_usd) AS numeric), 2)
            FROM advisor_answers
            WHERE date = ANY(:sessions)
            GROUP BY date
            HAVING sum(cost_usd) > :limit
            ORDER BY date"""),
        {"sessions": list(sessions), "limit": limit + _CENT},
    )
    return _verdict(rows, f"answers that cost more than the USD {limit:g} of AI_DAILY_BUDGET_USD")


def _verdict(rows: Iterable[Any], what: str) -> Verdict:
    offenders: dict[str, str] = {}
    for day, name in rows:
        told = offenders.get(day.isoformat())
        offenders[day.isoformat()] = name if told is None else f"{told}, {name}"
    if not offenders:
        return Verdict(True, f"No {what.partition(';')[0]}.", {})
    listed = "; ".join(f"{day}: {names}" for day, names in list(offenders.items())[:_EXAMPLES])
    return Verdict(False, f"{what.capitalize()} ({listed}).", offenders)
