"""The assets that keep score: materialised by Dagster, and requested when they should be."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.decisions import outcome_assets
from kapman_assets.market.assets import ohlcv, splits
from kapman_assets.options.assets import options_chains
from kapman_assets.partitions import SESSIONS, range_tags
from kapman_assets.sql_models import build_assets, load_models
from kapman_assets.wyckoff.assets import wyckoff
from kapman_resources import schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import session_offset, sessions_between
from tests.integration.ideas import add, add_ideas, add_names, bar_row, idea_row, rows_of, session_row

pytestmark = pytest.mark.no_cover
"""Long, and other tests trace the same code."""

ISSUED = date(2026, 6, 1)
RANGE = sessions_between(ISSUED, session_offset(ISSUED, 9))
SESSION = date(2026, 7, 7)
EVENING = datetime(2026, 7, 7, 22, 0, tzinfo=UTC)
KEEPERS = [
    outcome_assets.recommendation_outcomes,
    outcome_assets.recommendation_reviews,
    outcome_assets.confidence_calibration,
]


@dg.asset(partitions_def=SESSIONS, backfill_policy=dg.BackfillPolicy.single_run())
def recommendations() -> None:
    """Stands for the asset of that name: its rows are in the table."""


@pytest.fixture
def defs(engine: sa.Engine) -> dg.Definitions:
    models = [asset for asset in build_assets(load_models()) if asset.key.path[-1] == "forecast_accuracy"]
    return dg.Definitions(
        assets=[recommendations, *KEEPERS, *models, ohlcv, splits, options_chains, wyckoff],
        resources={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": dg.ResourceDefinition.none_resource(),
            "polygon": dg.ResourceDefinition.none_resource(),
            "option_pages": dg.ResourceDefinition.none_resource(),
            "raw_pages": dg.ResourceDefinition.none_resource(),
        },
    )


def test_a_range_is_judged_reviewed_and_counted_in_one_run(
    defs: dg.Definitions, instance: dg.DagsterInstance, engine: sa.Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    own = add_names(engine, ["X"], RANGE)["X"]
    quiet, up = (101.0, 102.0, 100.0, 101.0), (101.0, 111.0, 100.0, 110.0)
    add(engine, schema.ohlcv, [bar_row(own, day, up if day == RANGE[5] else quiet) for day in RANGE])
    stored = sessions_between(session_offset(ISSUED, -25), RANGE[-1])
    add(engine, schema.ohlcv_sessions, [session_row(day) for day in stored if day != RANGE[3]])
    add_ideas(engine, [idea_row(own, "X", ISSUED)])
    keys = [asset.key for asset in KEEPERS] + [dg.AssetKey("forecast_accuracy")]
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=keys, tags=range_tags(RANGE[0], RANGE[-1])
    )
    assert result.success
    assert [(row["date"], row["outcome_status"]) for row in rows_of(engine, schema.recommendation_outcomes)] == [
        (RANGE[5], "WIN")
    ]
    assert [row["date"] for row in rows_of(engine, schema.recommendation_reviews)] == RANGE[1:6]
    assert [row["calibrated"] for row in rows_of(engine, schema.confidence_calibration)] == [None]
    assert {row["week"] for row in rows_of(engine, schema.forecast_accuracy)} == {date(2026, 6, 8)}
    counts = {
        event.partition: event.metadata["dagster/row_count"].value
        for event in result.asset_materializations_for_node("recommendation_outcomes")
        if event.partition
    }
    assert counts == {day.isoformat(): int(day == RANGE[5]) for day in RANGE}
    assert f"No bars are stored of {RANGE[3]}:" in capfd.readouterr().err


def requested(
    defs: dg.Definitions, instance: dg.DagsterInstance, target: str, steps: list[tuple[str, ...]]
) -> Iterator[bool]:
    """Whether the newest session of an asset is requested, at first and after each step of materialisations."""
    cursor = None
    for number, keys in enumerate([(), *steps]):
        for key in keys:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=SESSION.isoformat()))
        result = dg.evaluate_automation_conditions(
            defs=defs,
            instance=instance,
            asset_selection=dg.AssetSelection.assets(target),
            evaluation_time=EVENING + timedelta(minutes=number),
            cursor=cursor,
        )
        cursor = result.cursor
        found = result.get_requested_partitions(dg.AssetKey(target))
        assert found <= {SESSION.isoformat()}, "no other session is ever requested"
        if found:
            instance.report_runless_asset_event(dg.AssetMaterialization(target, partition=SESSION.isoformat()))
        yield bool(found)


@pytest.mark.parametrize("target", ["recommendation_outcomes", "recommendation_reviews"])
def test_they_wait_for_bars_and_recommendations_and_follow_both(
    defs: dg.Definitions, instance: dg.DagsterInstance, target: str
) -> None:
    # No chain and no reading is there, and none of the 25 sessions before: neither may hold a session up.
    steps = [("recommendations",), ("ohlcv",), (), ("recommendations",), (), ("ohlcv",)]
    assert list(requested(defs, instance, target, steps)) == [False, False, True, False, True, False, True]


@pytest.mark.parametrize("target", ["recommendation_outcomes", "recommendation_reviews"])
def test_chains_and_readings_ask_through_the_recommendations(
    defs: dg.Definitions, instance: dg.DagsterInstance, target: str
) -> None:
    steps = [("ohlcv", "recommendations"), ("options_chains", "wyckoff_phases"), ("recommendations",)]
    assert list(requested(defs, instance, target, steps)) == [False, True, False, True]


def test_other_sessions_do_not_ask_for_the_newest(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    asked = requested(defs, instance, "recommendation_outcomes", [("ohlcv", "recommendations"), (), ()])
    assert [next(asked), next(asked)] == [False, True]
    # A replay of the past, three weeks of it.
    for day in sessions_between(session_offset(SESSION, -15), session_offset(SESSION, -1)):
        instance.report_runless_asset_event(dg.AssetMaterialization("recommendations", partition=day.isoformat()))
    assert list(asked) == [False, False]


def test_calibration_follows_outcomes(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    steps = [("recommendations",), ("recommendation_outcomes",), (), ("recommendation_outcomes",)]
    assert list(requested(defs, instance, "confidence_calibration", steps)) == [False, False, True, False, True]
