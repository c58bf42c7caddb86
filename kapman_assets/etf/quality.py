"""What can be wrong with the stored ETF features as a whole. The Dagster check around the verdict is in `checks`."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from kapman_assets.etf.store import BENCHMARK
from kapman_assets.verdict import Verdict
from kapman_resources.sessions import session_offset

RECENT_SESSIONS = 5
"""In so many sessions up to the judged one the benchmark must have a composite at least once."""


def benchmark_is_recent(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """The benchmark has a composite in at least one of the five newest sessions."""
    last = max(sessions)
    first = session_offset(last, 1 - RECENT_SESSIONS)
    newest = connection.scalar(
        sa.text("""
            SELECT max(e.date) FROM etf_features e JOIN tickers t ON t.ticker_id = e.ticker_id
            WHERE t.symbol = :symbol AND e.composite_z IS NOT NULL AND e.date <= :last"""),
        {"symbol": BENCHMARK, "last": last},
    )
    if newest is not None and newest >= first:
        return Verdict(True, f"{BENCHMARK} has a composite on {newest}.", {})
    since = f"none since {newest}" if newest else "none at all"
    summary = (
        f"{BENCHMARK} has no composite from {first} to {last} ({since}): "
        "look whether ETF_UNIVERSE names it and ohlcv has its bars, then materialise etf_features."
    )
    return Verdict(False, summary, {last.isoformat(): f"{BENCHMARK}: {since}"})
