"""The assets that keep score of ideas: they read, call, write and report. Every rule is in the modules beside.

A session's outcomes and reviews are of the ideas of some 25 sessions before. They depend on that session alone: an
early session without recommendations must not keep a later one from being judged, and one whose recommendations are
made anew is a reason to make the sessions after it anew by a back-fill, not to judge the newest one again.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import dagster as dg
import sqlalchemy as sa

from kapman_assets.automation import REFERENCE
from kapman_assets.decisions.calibration_store import write_calibrations
from kapman_assets.decisions.outcome_store import sessions_without_bars, write_outcomes
from kapman_assets.decisions.review_store import write_reviews
from kapman_assets.market.assets import OWNERS, ohlcv, splits
from kapman_assets.metadata import column_schema
from kapman_assets.options.assets import options_chains
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import session_offset, sessions_between

GROUP = "decisions"

RECOMMENDATIONS = dg.AssetKey("recommendations")

JUDGEMENT_VERSION = "judgement-1"
"""Changes with the rules of `judgement`, `scoring` and `option_result`."""

REVIEW_VERSION = "review-1"
CALIBRATION_VERSION = "isotonic-1"

_AT_A_TIME = 250
"""Sessions that are judged together: their bars are read once, and a transaction stays short."""

_LOOK_BACK = 25
"""Sessions before a session whose bars its outcomes can rest on: a horizon of 20, and the patience for a halt."""

_BESIDE = dg.AssetSelection.assets("options_chains", "wyckoff_phases")
"""What comes to a session through its recommendations as well, which are made anew with it, and what may never come."""

WITH_RECOMMENDATIONS = dg.AutomationCondition.eager().ignore(REFERENCE | _BESIDE)
"""As soon as a session's bars and recommendations are there, and again when either changes."""


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version=JUDGEMENT_VERSION,
    deps=[RECOMMENDATIONS, ohlcv, splits, options_chains],
    metadata={**column_schema(schema.recommendation_outcomes), "partition_expr": "date"},
    automation_condition=WITH_RECOMMENDATIONS,
)
def recommendation_outcomes(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """How each idea ended, in the session in which it did: direction, scores, result of its contracts."""
    result = _write(context, warehouse, write_outcomes)
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    seen = sessions_between(session_offset(sessions[0], -_LOOK_BACK), sessions[-1])
    with warehouse.engine("recommendation_outcomes") as engine:
        lacking = sessions_without_bars(engine, seen)
    if lacking:
        context.log.warning(
            "No bars are stored of %s: ideas that were open then are judged as if every name had been halted. "
            "Materialise ohlcv of these sessions, and then the outcomes from the first of them on.",
            ", ".join(map(str, lacking)),
        )
    return dg.MaterializeResult(metadata={**result, "sessions_without_bars": len(lacking)})


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version=REVIEW_VERSION,
    deps=[RECOMMENDATIONS, ohlcv, splits, options_chains, dg.AssetKey("wyckoff_phases")],
    metadata={**column_schema(schema.recommendation_reviews), "partition_expr": "date"},
    automation_condition=WITH_RECOMMENDATIONS,
)
def recommendation_reviews(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """What the session says of each trade and forecast that is open in it: hold, tighten, or close, and why."""
    return dg.MaterializeResult(metadata=_write(context, warehouse, write_reviews))


@dg.asset(
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "python"},
    code_version=CALIBRATION_VERSION,
    deps=[RECOMMENDATIONS, recommendation_outcomes],
    metadata={**column_schema(schema.confidence_calibration), "partition_expr": "date"},
    automation_condition=WITH_RECOMMENDATIONS,
)
def confidence_calibration(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """The session's confidences as the outcomes of their provider known by then correct them, out of sample."""
    return dg.MaterializeResult(metadata=_write(context, warehouse, write_calibrations))


def _write(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    write: Callable[[sa.Engine, Sequence[date]], Mapping[date, int]],
) -> Mapping[str, int]:
    """Write the run's sessions, and say how many rows each has."""
    name = context.asset_key.to_user_string()
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    total = 0
    with retry_if_transient(context), warehouse.engine(name) as engine:
        for start in range(0, len(sessions), _AT_A_TIME):
            some = sessions[start : start + _AT_A_TIME]
            for session, rows in write(engine, some).items():
                context.add_asset_metadata({"dagster/row_count": rows}, partition_key=session.isoformat())
                total += rows
            progress.report(name, start + len(some), len(sessions))
    return {"sessions": len(sessions), "rows_total": total}
