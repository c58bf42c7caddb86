"""Asset checks of recommendations: thin wrappers around the verdicts of `quality`."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg
import sqlalchemy as sa

from kapman_assets.check_results import selected_results
from kapman_assets.decisions import quality
from kapman_assets.partitions import sessions_of_run
from kapman_assets.verdict import Verdict
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session
from kapman_resources.settings import load_settings


def _budget_kept(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    return quality.budget_kept(connection, sessions, load_settings().ai_daily_budget_usd)


_JUDGES: dict[str, tuple[str, Callable[[sa.Connection, Sequence[date]], Verdict], str | None]] = {
    "legs_in_chain": ("recommendation_legs", quality.legs_in_chain, quality.legs_in_chain.__doc__),
    "candidates_answered": ("recommendations", quality.candidates_answered, quality.candidates_answered.__doc__),
    "model_answers": ("recommendations", quality.model_answers, quality.model_answers.__doc__),
    "budget_kept": ("recommendations", _budget_kept, quality.budget_kept.__doc__),
}
_ERRORS = frozenset({"legs_in_chain", "candidates_answered", "budget_kept"})


@dg.multi_asset_check(
    name="recommendation_checks",
    can_subset=True,
    specs=[
        dg.AssetCheckSpec(name, asset=dg.AssetKey(asset), description=about)
        for name, (asset, _, about) in _JUDGES.items()
    ],
)
def recommendation_checks(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse
) -> Iterator[dg.AssetCheckResult]:
    """Judge the sessions of the run, or the newest one if it has none."""
    sessions = sessions_of_run(context.run) or [latest_open_session(datetime.now(UTC))]
    with warehouse.engine("recommendation_checks") as engine, engine.connect() as connection:
        verdicts = {
            dg.AssetCheckKey(dg.AssetKey(asset), name): lambda judge=judge: judge(connection, sessions)
            for name, (asset, judge, _) in _JUDGES.items()
        }
        yield from selected_results(context, verdicts, errors=_ERRORS)
