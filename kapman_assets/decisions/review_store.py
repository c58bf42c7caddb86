"""Reviews of sessions: stored recommendations, readings, bars and chains in, rows of `recommendation_reviews` out."""

from collections.abc import Mapping, Sequence
from datetime import date

import sqlalchemy as sa

from kapman_assets.decisions.followed import Followed, read_followed, read_prices
from kapman_assets.decisions.judgement import Ending, judge
from kapman_assets.decisions.reviews import REVIEWED, Signals, review_row
from kapman_assets.decisions.row_store import replace_rows
from kapman_resources.schema import recommendation_reviews, wyckoff_phases
from kapman_resources.sessions import session_offset, sessions_between


def write_reviews(engine: sa.Engine, sessions: Sequence[date]) -> dict[date, int]:
    """Replace the reviews of some sessions, in one transaction; how many ideas were reviewed in each.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
    """
    first, last = sessions[0], sessions[-1]
    with engine.connect() as connection:
        followed = [one for one in read_followed(connection, first, last) if one.issued.action in REVIEWED]
        due = [(one, session) for one in followed for session in _open_sessions(one, first, last)]
        prices = read_prices(connection, due)
        signals = _read_signals(connection, first, last) if due else {}
    rows = [
        review_row(
            one.issued,
            session,
            found=judge(one.issued.terms, one.bars, session),
            bars=one.until(session),
            signals=signals.get((session, one.issued.ticker_id), Signals()),
            option=one.result(session, prices),
        )
        for one, session in due
    ]
    with engine.begin() as connection:
        return replace_rows(connection, recommendation_reviews, sessions, rows)


def _open_sessions(one: Followed, first: date, last: date) -> list[date]:
    """Those of a range in which an idea is open, the one in which it ends included."""
    found = judge(one.issued.terms, one.bars, last)
    since = max(first, session_offset(one.issued.terms.issued, 1))
    return sessions_between(since, found.session if isinstance(found, Ending) else last)


def _read_signals(connection: sa.Connection, first: date, last: date) -> Mapping[tuple[date, int], Signals]:
    table = wyckoff_phases
    query = sa.select(
        table.c.date, table.c.ticker_id, table.c.bc_score, table.c.events_detected, table.c.signal_type
    ).where(table.c.date.between(first, last))
    return {
        (row.date, row.ticker_id): Signals(row.bc_score, frozenset(row.events_detected), row.signal_type)
        for row in connection.execute(query)
    }
