"""Stored forecasts with how they ended, and what is counted of them. Nothing is calculated that a session did not know.

Skill is over the hit rate of the weeks before, as in `forecast_accuracy`: with outcomes of its own week nothing is
compared. Outcomes of a week depend on each other; intervals of the skill come from resampling whole weeks.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks.wyckoff.matching import wilson

RESAMPLES = 2000
FEWEST = 30
"""Scored forecasts below which nothing is concluded."""

BINS = tuple(number / 10 for number in range(10))

_FORECASTS = """
    SELECT r.date AS issued, r.symbol, r.action, r.direction, r.signal_type, r.provider, r.model, r.strategy,
           coalesce(r.primary_event, 'none') AS event, r.confidence, k.calibrated,
           o.date AS ended, o.exit_reason, o.outcome_status, o.direction_correct, o.directional_brier,
           o.underlying_return, o.option_pnl, o.return_on_risk, o.success_score,
           CAST(date_trunc('week', o.date) AS date) AS week, a.base_rate
    FROM recommendations r
    LEFT JOIN recommendation_outcomes o ON o.issued = r.date AND o.ticker_id = r.ticker_id
    LEFT JOIN confidence_calibration k ON k.date = r.date AND k.ticker_id = r.ticker_id
    LEFT JOIN forecast_accuracy a
        ON a.week = date_trunc('week', o.date) AND a.span = 'week' AND a.dimension = 'all' AND a.value = 'all'
    ORDER BY r.date, r.symbol"""

# Entered on the next open and held for 20 sessions, as a forecast is, whatever anybody said.
_UP_RATE = """
    SELECT avg(CAST(later > entry AS integer)) AS up, count(*) AS n
    FROM (
        SELECT o.date, lead(o.open * f.factor, 1) OVER w AS entry, lead(o.close * f.factor, 20) OVER w AS later
        FROM ohlcv o
        CROSS JOIN LATERAL (
            SELECT coalesce(max(s.price_factor), 1) AS factor FROM splits s
            WHERE s.ticker_id = o.ticker_id AND o.date >= s.applies_from AND o.date < s.execution_date
        ) AS f
        WHERE o.ticker_id IN (SELECT ticker_id FROM recommendations)
        WINDOW w AS (PARTITION BY o.ticker_id ORDER BY o.date)
    ) AS held
    WHERE later IS NOT NULL AND date BETWEEN :first AND :last"""


@dataclass(frozen=True)
class Tally:
    """Some forecasts together.

    Attributes:
        issued: how many there are.
        void: of them never entered.
        open: of them without an outcome yet.
        neutral: of them ended inside the band.
        scored: of them right or wrong.
        hit_rate: share of right ones, with `hit_low` and `hit_high` (Wilson, 95 %); NaN without any scored.
        confidence: mean of what was said of the scored.
        brier: mean score.
        brier_base: mean score of saying the hit rate of the weeks before.
        skill: 1 - brier / brier_base, with `skill_low` and `skill_high` (95 %, resampled weeks).
        half_skill: the same over always saying one half.
        option_pnl: mean of the known, USD a unit, and `traded`, how many those are.
    """

    issued: int
    void: int
    open: int
    neutral: int
    scored: int
    hit_rate: float
    hit_low: float
    hit_high: float
    confidence: float
    brier: float
    brier_base: float
    skill: float
    skill_low: float
    skill_high: float
    half_skill: float
    option_pnl: float
    traded: int


def read_forecasts(connection: sa.Connection) -> pd.DataFrame:
    """Every recommendation, with its outcome where it has one, and the base rate of that outcome's week."""
    frame = pd.read_sql(sa.text(_FORECASTS), connection)
    return frame.assign(hit=frame["direction_correct"].astype(float), week=pd.to_datetime(frame["week"]))


def up_rate(connection: sa.Connection, frame: pd.DataFrame) -> tuple[float, int]:
    """Share of all sessions and names of the replay after which 20 sessions ended higher, and of how many."""
    bounds = {"first": frame["issued"].min(), "last": frame["issued"].max()}
    up, count = connection.execute(sa.text(_UP_RATE), bounds).one()
    return float(up) if up is not None else np.nan, count


def tally(frame: pd.DataFrame, seed: int = 0) -> Tally:
    """Count some forecasts."""
    scored = frame.dropna(subset=["hit"])
    wins, count = int(scored["hit"].sum()), len(scored)
    scores = scored["directional_brier"].to_numpy(dtype=float)
    base = ((scored["base_rate"] - scored["hit"]) ** 2).to_numpy(dtype=float)
    low, high = _skill_interval(scored["week"], scores, base, seed)
    hit_low, hit_high = wilson(wins, count)
    known = frame["option_pnl"].dropna()
    brier, brier_base = (float(values.mean()) if count else np.nan for values in (scores, base))
    return Tally(
        issued=len(frame),
        void=int((frame["outcome_status"] == "VOID").sum()),
        open=int(frame["outcome_status"].isna().sum()),
        neutral=int((frame["outcome_status"] == "NEUTRAL").sum()),
        scored=count,
        hit_rate=wins / count if count else np.nan,
        hit_low=hit_low,
        hit_high=hit_high,
        confidence=float(scored["confidence"].mean()),
        brier=brier,
        brier_base=brier_base,
        skill=1 - brier / brier_base if brier_base else np.nan,
        skill_low=low,
        skill_high=high,
        half_skill=1 - brier / 0.25,
        option_pnl=float(known.mean()),
        traded=len(known),
    )


def _skill_interval(weeks: pd.Series, scores: np.ndarray, base: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the skill over resampled weeks; NaN where there are too few forecasts for any."""
    if len(scores) < FEWEST:
        return np.nan, np.nan
    place, names = pd.factorize(weeks)
    sums, bases = np.bincount(place, scores), np.bincount(place, base)
    drawn = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.quantile(1 - sums[drawn].sum(axis=1) / bases[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def by(frame: pd.DataFrame, column: str) -> dict[str, Tally]:
    """Forecasts counted by the values of a column, the most frequent first."""
    return {str(value): tally(frame[frame[column] == value]) for value in frame[column].value_counts().index}


def reliability(frame: pd.DataFrame) -> dict[str, Tally]:
    """Forecasts counted by tenths of their confidence, where there are any."""
    tenth = np.floor(frame["confidence"] * 10) / 10
    return {f"{low:.1f} to {low + 0.1:.1f}": tally(own) for low in BINS if len(own := frame[tenth == low])}
