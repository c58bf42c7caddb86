"""Asset checks of the alerts domain: thin wrappers around the verdicts of `quality`. None of them blocks."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg
import sqlalchemy as sa

from kapman_assets.alerts import quality
from kapman_assets.alerts.assets import alerts
from kapman_assets.check_results import selected_results
from kapman_assets.partitions import sessions_of_run
from kapman_assets.verdict import Verdict
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session

_JUDGES: dict[dg.AssetCheckKey, Callable[[sa.Connection, Sequence[date]], Verdict]] = {
    dg.AssetCheckKey(alerts.key, judge.__name__): judge for judge in (quality.outbox_moves, quality.alerts_are_few)
}


@dg.multi_asset_check(
    name="alerts_checks",
    can_subset=True,
    specs=[
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description=judge.__doc__) for key, judge in _JUDGES.items()
    ],
)
def alerts_checks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Judge the sessions of the run, or the newest one if it has none."""
    sessions = sessions_of_run(context.run) or [latest_open_session(datetime.now(UTC))]
    with warehouse.engine("alerts_checks") as engine, engine.connect() as connection:
        verdicts = {key: lambda judge=judge: judge(connection, sessions) for key, judge in _JUDGES.items()}
        yield from selected_results(context, verdicts)
