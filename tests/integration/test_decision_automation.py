"""When a session's recommendations are requested: with its chains, anew with what changes, and at night without."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from kapman_assets.definitions import defs

pytestmark = pytest.mark.no_cover
"""Long, and other tests trace the same code."""

SESSION = "2026-07-07"
EVENING = datetime(2026, 7, 7, 22, 0, tzinfo=UTC)
NIGHT = datetime(2026, 7, 8, 7, 5, tzinfo=UTC)
"""After 3:00 in New York."""

BASE = ("ohlcv", "wyckoff_events", "wyckoff_phases")
CHAINS = ("options_chains", "dealer_metrics")


def requested(
    instance: dg.DagsterInstance, steps: Sequence[tuple[str, ...]], times: Sequence[datetime] | None = None
) -> list[bool]:
    """Whether the newest session is requested after each step of materialisations; a request is answered."""
    found, cursor = [], None
    for number, keys in enumerate([(), *steps]):
        for key in keys:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=SESSION))
        now = times[number] if times else EVENING + timedelta(minutes=number)
        result = dg.evaluate_automation_conditions(
            defs=defs,
            instance=instance,
            asset_selection=dg.AssetSelection.assets("recommendations", "recommendation_legs"),
            evaluation_time=now,
            cursor=cursor,
        )
        cursor = result.cursor
        found.append(SESSION in result.get_requested_partitions(dg.AssetKey("recommendations")))
        if found[-1]:
            for key in ("recommendations", "recommendation_legs"):
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=SESSION))
    return found[1:]


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        # The first snapshot knows no chains; the metrics come, and the snapshot that holds them.
        (
            [(*BASE, "daily_snapshots"), ("options_chains",), ("dealer_metrics",), (), ("daily_snapshots",), ()],
            [False, False, False, False, True, False],
        ),
        # Everything at once, in the order in which it was made.
        ([(*BASE, *CHAINS, "daily_snapshots"), (), ("daily_snapshots",)], [True, False, True]),
        # Chains alone are no reason.
        ([(*BASE, *CHAINS), ("daily_snapshots",), ("options_chains",)], [False, True, False]),
    ],
)
def test_recommendations_follow_the_snapshot_that_holds_the_chains(
    instance: dg.DagsterInstance, steps: list[tuple[str, ...]], wanted: list[bool]
) -> None:
    assert requested(instance, steps) == wanted


def test_a_missed_chain_keeps_no_forecast_from_being_made(instance: dg.DagsterInstance) -> None:
    steps = [(*BASE, "daily_snapshots"), (), (), (*CHAINS, "daily_snapshots"), ()]
    times = [EVENING + timedelta(minutes=k) for k in range(2)] + [NIGHT + timedelta(minutes=k) for k in range(4)]
    # Not before the night, once in it, and anew should the chains come after all.
    assert requested(instance, steps, times) == [False, True, False, True, False]
