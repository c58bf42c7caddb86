"""Outcomes of sessions: stored recommendations, bars and chains in, rows of `recommendation_outcomes` out.

An idea belongs to the session in which it ended, which is found from what was known in it alone: a range of sessions
gives the rows that each has by itself.
"""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from kapman_assets.decisions.followed import read_followed, read_prices
from kapman_assets.decisions.judgement import Ending, judge
from kapman_assets.decisions.outcomes import Row, outcome_row
from kapman_assets.decisions.row_store import replace_rows
from kapman_resources.schema import recommendation_outcomes


def write_outcomes(engine: sa.Engine, sessions: Sequence[date]) -> dict[date, int]:
    """Replace the outcomes of some sessions, in one transaction; how many ideas ended in each.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
    """
    first, last = sessions[0], sessions[-1]
    with engine.connect() as connection:
        followed = [(one, judge(one.issued.terms, one.bars, last)) for one in read_followed(connection, first, last)]
        ended = [
            (one, found) for one, found in followed if isinstance(found, Ending) and first <= found.session <= last
        ]
        prices = read_prices(connection, [(one, found.session) for one, found in ended])
    rows = [outcome_row(one.issued, found, one.result(found.session, prices)) for one, found in ended]
    with engine.begin() as connection:
        _forget(connection, rows)
        return replace_rows(connection, recommendation_outcomes, sessions, rows)


def _forget(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Delete the outcomes that these ideas have in other sessions: corrected bars can move an end."""
    query = """
        DELETE FROM recommendation_outcomes o USING unnest(CAST(:issued AS date[]), CAST(:ids AS integer[])) AS r (d, t)
        WHERE o.issued = r.d AND o.ticker_id = r.t"""
    keys = {"issued": [row["issued"] for row in rows], "ids": [row["ticker_id"] for row in rows]}
    connection.execute(sa.text(query), keys)


def sessions_without_bars(engine: sa.Engine, sessions: Sequence[date]) -> list[date]:
    """Those of some sessions whose bars were never stored: judged by, they look like a halt of every name."""
    query = sa.text(
        "SELECT s FROM unnest(CAST(:sessions AS date[])) s EXCEPT SELECT date FROM ohlcv_sessions ORDER BY 1"
    )
    with engine.connect() as connection:
        return list(connection.scalars(query, {"sessions": list(sessions)}))
