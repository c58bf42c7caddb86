"""Asset checks of the options domain: thin wrappers around the verdicts of `quality`.

None of them blocks: whatever came of a chain is better than nothing, and its metrics say how far to trust them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg
import sqlalchemy as sa

from kapman_assets.check_results import selected_results
from kapman_assets.options import quality
from kapman_assets.options.assets import options_chains
from kapman_assets.partitions import sessions_of_run
from kapman_assets.verdict import Verdict
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session

_Judge = Callable[[sa.Connection, Sequence[date]], Verdict]

_CHAINS: dict[dg.AssetCheckKey, _Judge] = {
    dg.AssetCheckKey(options_chains.key, judge.__name__): judge
    for judge in (
        quality.all_taken,
        quality.options_vanished,
        quality.contract_floor,
        quality.open_interest_moves,
    )
}
_METRICS: dict[dg.AssetCheckKey, _Judge] = {
    dg.AssetCheckKey(dg.AssetKey("dealer_metrics"), judge.__name__): judge
    for judge in (quality.metrics_for_each_chain, quality.gamma_known)
}
_ERRORS = frozenset({"all_taken", "metrics_for_each_chain"})


def _checks(name: str, judges: dict[dg.AssetCheckKey, _Judge]) -> dg.AssetChecksDefinition:
    """The checks of some rules: they judge the sessions of their run, or the newest one if it has none."""

    @dg.multi_asset_check(
        name=name,
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=judge.__doc__) for key, judge in judges.items()
        ],
    )
    def checks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        sessions = sessions_of_run(context.run) or [latest_open_session(datetime.now(UTC))]
        with warehouse.engine(name) as engine, engine.connect() as connection:
            verdicts = {key: lambda judge=judge: judge(connection, sessions) for key, judge in judges.items()}
            yield from selected_results(context, verdicts, errors=_ERRORS)

    return checks


options_chains_checks = _checks("options_chains_checks", _CHAINS)
option_metrics_checks = _checks("option_metrics_checks", _METRICS)
