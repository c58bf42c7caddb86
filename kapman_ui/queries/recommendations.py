"""Queries of the Recommendations page: what was said, how each ended, and all that stands behind one of them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_resources.schema import (
    confidence_calibration,
    daily_snapshots,
    recommendation_legs,
    recommendation_outcomes,
    recommendation_rejections,
    recommendation_reviews,
    recommendations,
)
from kapman_ui.queries.marking import depends_on

STRATEGIES = ("LONG_CALL", "LONG_PUT", "CSP", "VERTICAL_SPREAD", "FORECAST", "EXIT", "CAUTION")
"""What may be said: a strategy of contracts, or an action without any."""

DIRECTIONS = ("LONG", "SHORT", "NEUTRAL")
PROVIDERS = ("rules", "claude", "openai")
STATUSES = ("OPEN", "WIN", "LOSS", "NEUTRAL", "VOID")
"""Not ended yet, or how it ended."""

TABLES = (
    recommendations,
    recommendation_legs,
    recommendation_reviews,
    recommendation_outcomes,
    confidence_calibration,
    daily_snapshots,
)
"""What `v_recommendations` is made of."""

BRIEF = (
    "date", "ticker_id", "symbol", "status", "action", "direction", "strategy", "signal_type", "primary_event",
    "confidence", "calibrated_confidence", "justification", "entry_price", "stop_loss", "profit_target",
    "last_session", "max_loss", "max_gain", "reward_to_risk", "probability_of_profit", "pop_method", "net_price",
    "capital_required", "break_evens", "price_basis", "legs", "first_expiration", "provider", "data_quality",
    "null_reasons", "review_date", "review_verdict", "review_reasons", "review_price", "review_signed_return",
    "review_stop_loss", "review_option_pnl", "review_sessions_held", "review_dte", "outcome_date", "exit_reason",
    "outcome_status", "underlying_return", "direction_correct", "option_pnl", "return_on_risk", "success_score",
)  # fmt: skip
"""Columns of `v_recommendations` that a list shows."""

_WHOLE = (
    *BRIEF, "as_of", "horizon_sessions", "neutral_band", "asked_provider", "fallback_reason", "model",
    "prompt_version", "cost_usd", "latency_seconds", "model_version", "inputs", "validation", "entry_session",
    "entry_price_actual", "exit_price_actual", "favourable", "adverse", "sessions_held", "directional_brier",
    "option_pnl_basis", "success_score_v1", "outcome_null_reasons",
)  # fmt: skip

ADVICE = sa.table("v_recommendations", *(sa.column(name) for name in _WHOLE))
"""The view of every recommendation."""

SAID = sa.func.coalesce(ADVICE.c.strategy, ADVICE.c.action)
_STANDS = sa.func.coalesce(ADVICE.c.outcome_status, ADVICE.c.status)


@depends_on(*TABLES)
def counts(connection: sa.Connection) -> dict[str, int]:
    """Recommendations by how they stand: `STATUSES`, each with its number, and `right` of the scored ones."""
    o = recommendation_outcomes.c
    stands = sa.func.coalesce(o.outcome_status, "OPEN")
    joined = recommendations.outerjoin(
        recommendation_outcomes,
        (o.issued == recommendations.c.date) & (o.ticker_id == recommendations.c.ticker_id),
    )
    right = sa.func.count().filter(o.direction_correct)
    scored = sa.func.count(o.direction_correct)
    query = sa.select(stands, sa.func.count(), right, scored).select_from(joined).group_by(stands)
    rows = connection.execute(query).all()
    told = dict.fromkeys(STATUSES, 0) | {row[0]: row[1] for row in rows}
    return told | {"right": sum(row[2] for row in rows), "scored": sum(row[3] for row in rows)}


@depends_on(*TABLES)
def found(
    connection: sa.Connection,
    *,
    said: Sequence[str] = (),
    directions: Sequence[str] = (),
    statuses: Sequence[str] = (),
    providers: Sequence[str] = (),
    text: str = "",
    limit: int = 300,
) -> pd.DataFrame:
    """Recommendations that meet every filter, the newest first, in the columns `BRIEF`.

    Args:
        connection: to the warehouse.
        said: of `STRATEGIES`; none lets all pass, as in the other filters.
        directions: of `DIRECTIONS`.
        statuses: of `STATUSES`.
        providers: who answered.
        text: part of the symbol, of the event or of the justification; case does not matter.
        limit: the most rows.
    """
    c = ADVICE.c
    filters: list[sa.ColumnElement[bool]] = [
        column.in_(list(chosen))
        for column, chosen in ((SAID, said), (c.direction, directions), (_STANDS, statuses), (c.provider, providers))
        if chosen
    ]
    if text:
        filters.append(
            sa.or_(*(each.icontains(text, autoescape=True) for each in (c.symbol, c.primary_event, c.justification)))
        )
    query = sa.select(*(c[name] for name in BRIEF)).where(*filters).order_by(c.date.desc(), c.symbol).limit(limit)
    return pd.DataFrame(connection.execute(query).all(), columns=list(BRIEF))


@depends_on(*TABLES)
def one(connection: sa.Connection, symbol: str, session: date) -> dict[str, Any] | None:
    """All of one recommendation: the columns of the view with the prompt's and the question's hash; None if none."""
    c, r = ADVICE.c, recommendations.c
    query = (
        sa.select(*c, r.prompt_hash, r.request_hash, r.input_tokens, r.output_tokens)
        .join(recommendations, (r.date == c.date) & (r.ticker_id == c.ticker_id))
        .where(c.symbol == symbol, c.date == session)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


@depends_on(recommendation_reviews)
def reviews(connection: sa.Connection, session: date, ticker_id: int) -> pd.DataFrame:
    """What each session said of a recommendation while it was open, the newest first."""
    c = recommendation_reviews.c
    names = (
        "date", "verdict", "reasons", "price", "signed_return", "stop_loss", "option_pnl", "sessions_held", "dte"
    )  # fmt: skip
    query = (
        sa.select(*(c[name] for name in names))
        .where(c.issued == session, c.ticker_id == ticker_id)
        .order_by(c.date.desc())
        .limit(60)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=list(names))


@depends_on(recommendation_rejections)
def rejections(connection: sa.Connection, session: date, ticker_id: int) -> list[dict[str, Any]]:
    """The answers that were not believed: `attempt`, `provider`, `model`, `problems`, `answer`."""
    c = recommendation_rejections.c
    query = (
        sa.select(c.attempt, c.provider, c.model, c.problems, c.answer)
        .where(c.date == session, c.ticker_id == ticker_id)
        .order_by(c.attempt)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
