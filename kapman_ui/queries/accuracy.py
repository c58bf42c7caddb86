"""Queries of the Accuracy page: scores by week and by what was said, and what experience made of the confidences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from kapman_resources.schema import (
    confidence_calibration,
    forecast_accuracy,
    recommendation_outcomes,
    recommendations,
)
from kapman_ui.queries.marking import depends_on

DIMENSIONS = ("strategy", "event", "direction", "provider", "confidence")

_WEEKS = 260
_NUMBERS = (
    "outcomes", "scored", "wins", "neutral", "mean_confidence", "hit_rate", "brier", "base_rate", "brier_base", "skill",
    "option_pnl", "return_on_risk", "success_score",
)  # fmt: skip
_COUNTS = frozenset({"outcomes", "scored", "wins", "neutral"})


@depends_on(forecast_accuracy)
def by_week(connection: sa.Connection) -> pd.DataFrame:
    """Scores of all forecasts by the week in which their outcomes came, ascending; the newest five years.

    Returns:
        `week` (its Monday) and the numbers of `forecast_accuracy`, NaN where unknown.
    """
    c = forecast_accuracy.c
    query = (
        sa.select(c.week, *(c[name] for name in _NUMBERS))
        .where(c.span == "week", c.dimension == "all")
        .order_by(c.week.desc())
        .limit(_WEEKS)
    )
    return _frame(connection.execute(query).all(), ["week"]).iloc[::-1].reset_index(drop=True)


@depends_on(forecast_accuracy)
def to_date(connection: sa.Connection) -> pd.DataFrame:
    """Scores of all outcomes so far by what was said: `dimension`, `value` and the numbers of `forecast_accuracy`."""
    c = forecast_accuracy.c
    newest = sa.select(sa.func.max(c.week)).scalar_subquery()
    query = (
        sa.select(c.dimension, c.value, *(c[name] for name in _NUMBERS))
        .where(c.week == newest, c.span == "to_date")
        .order_by(c.dimension, c.value)
    )
    return _frame(connection.execute(query).all(), ["dimension", "value"])


@depends_on(confidence_calibration, recommendations)
def calibration(connection: sa.Connection) -> pd.DataFrame:
    """By provider, what its newest calibration rests on.

    Returns:
        `provider`, `date`, `outcomes`, `brier_raw`, `brier_calibrated`.
    """
    k, r = confidence_calibration.c, recommendations.c
    query = (
        sa.select(r.provider, k.date, k.outcomes, k.brier_raw, k.brier_calibrated)
        .ext(distinct_on(r.provider))
        .join(recommendations, (r.date == k.date) & (r.ticker_id == k.ticker_id))
        .order_by(r.provider, k.date.desc(), k.ticker_id)
    )
    names = ["provider", "date", "outcomes", "brier_raw", "brier_calibrated"]
    frame = pd.DataFrame(connection.execute(query).all(), columns=names)
    return frame.astype({"brier_raw": "float64", "brier_calibrated": "float64"})


@depends_on(confidence_calibration, recommendation_outcomes)
def calibrated_bins(connection: sa.Connection) -> pd.DataFrame:
    """Reliability of the calibrated confidences, in bins of a tenth, ascending.

    Each was calibrated with what was known when it was said.

    Returns:
        `mean_confidence`, `hit_rate` and `scored`; empty while nothing has been calibrated.
    """
    k, o = confidence_calibration.c, recommendation_outcomes.c
    tenth = sa.func.floor(k.calibrated * 10)
    hit = sa.cast(sa.cast(o.direction_correct, sa.Integer), sa.Double)
    query = (
        sa.select(sa.func.avg(k.calibrated), sa.func.avg(hit), sa.func.count())
        .join_from(confidence_calibration, recommendation_outcomes, (o.issued == k.date) & (o.ticker_id == k.ticker_id))
        .where(k.calibrated.is_not(None), o.direction_correct.is_not(None), o.outcome_status != "VOID")
        .group_by(tenth)
        .order_by(tenth)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=["mean_confidence", "hit_rate", "scored"])


def _frame(rows: Sequence[Any], keys: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*keys, *_NUMBERS])
    for name in _NUMBERS:
        frame[name] = frame[name].astype("int64" if name in _COUNTS else "float64")
    return frame
