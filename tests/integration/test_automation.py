"""A simulated week of automation: one request a session, none on closed days, none early, none forgotten."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import exchange_calendars
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import defs as all_defs
from kapman_assets.market import sensors
from kapman_assets.market.assets import ohlcv
from kapman_resources.dagster_resources import FlatFilesResource, Warehouse
from tests.integration.conftest import Materialize
from tests.market_files import write_day

FIRST_TICK = datetime(2026, 6, 28, 0, 5, tzinfo=UTC)
"""Sunday; Friday of that week, 2026-07-03, is a holiday."""

LAST_TICK = datetime(2026, 7, 8, 0, 5, tzinfo=UTC)
WEEK = [date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 6), date(2026, 7, 7)]


def ticks(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += timedelta(minutes=45)


def requests_of(
    instance: dg.DagsterInstance, times: list[datetime], *, fails: frozenset[date] = frozenset()
) -> list[tuple[datetime, date]]:
    """Every session that the condition of `ohlcv` requests over the ticks; each request is run, or fails."""
    requested = []
    cursor = None
    for now in times:
        result = dg.evaluate_automation_conditions(
            defs=all_defs,
            instance=instance,
            asset_selection=dg.AssetSelection.assets(ohlcv),
            evaluation_time=now,
            cursor=cursor,
        )
        cursor = result.cursor
        for key in sorted(result.get_requested_partitions(ohlcv.key)):
            assert key is not None
            session = date.fromisoformat(key)
            requested.append((now, session))
            if session not in fails:
                instance.report_runless_asset_event(dg.AssetMaterialization("ohlcv", partition=key))
    return requested


@pytest.fixture
def ready(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """An instance on which what `ohlcv` depends on is there."""
    instance.report_runless_asset_event(dg.AssetMaterialization("tickers"))
    return instance


def test_every_session_is_requested_once_after_its_close_and_no_other_day(ready: dg.DagsterInstance) -> None:
    requested = requests_of(ready, list(ticks(FIRST_TICK, LAST_TICK)))
    assert [session for _, session in requested] == WEEK
    closes = exchange_calendars.get_calendar("XNYS", start="2026-06-01", end="2026-07-31").closes
    for now, session in requested:
        close = closes[session.isoformat()].to_pydatetime()
        assert close + timedelta(minutes=15) <= now <= close + timedelta(hours=3)


def test_sessions_missed_while_nothing_ran_are_caught_up_once(ready: dg.DagsterInstance) -> None:
    times = list(ticks(FIRST_TICK, LAST_TICK))
    back = datetime(2026, 7, 6, 12, tzinfo=UTC)
    awake = [now for now in times if not datetime(2026, 7, 1, 12, tzinfo=UTC) < now < back]
    requested = requests_of(ready, awake)
    assert [session for _, session in requested] == WEEK
    late = {session for now, session in requested if now == min(now for now in awake if now >= back)}
    assert late == {date(2026, 7, 1), date(2026, 7, 2)}


def test_history_is_not_requested_by_itself(ready: dg.DagsterInstance) -> None:
    assert requests_of(ready, [FIRST_TICK]) == []


def test_a_failed_session_is_not_requested_for_ever(ready: dg.DagsterInstance) -> None:
    failing = frozenset({date(2026, 6, 30)})
    requested = requests_of(ready, list(ticks(FIRST_TICK, LAST_TICK)), fails=failing)
    assert [session for _, session in requested] == WEEK


def test_nothing_is_requested_before_its_upstream(instance: dg.DagsterInstance) -> None:
    assert requests_of(instance, list(ticks(FIRST_TICK, FIRST_TICK + timedelta(days=2)))) == []


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sensor's clock stands at Thursday noon in New York, after Wednesday's file is due."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return datetime(2026, 7, 2, 16, tzinfo=UTC)

    monkeypatch.setattr(sensors, "datetime", Clock)


def tick(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, definitions=defs, sensor_name="flat_files_changed")
    resources = defs.resources or {}
    warehouse, flat_files = resources["warehouse"], resources["flat_files"]
    assert isinstance(warehouse, Warehouse)
    assert isinstance(flat_files, FlatFilesResource)
    result = sensors.flat_files_changed(context, warehouse=warehouse, flat_files=flat_files)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


@pytest.mark.usefixtures("frozen")
def test_the_sensor_asks_for_new_and_changed_files_only(
    defs: dg.Definitions, instance: dg.DagsterInstance, materialize: Materialize, files: "object", engine: sa.Engine
) -> None:
    bar = (1.0, 2.0, 1.0, 2.0, 5.0)
    assert isinstance(tick(defs, instance), dg.SkipReason)
    write_day(files, date(2026, 6, 29), {"AAPL": bar})  # type: ignore[arg-type]
    assert materialize("ohlcv", first=date(2026, 6, 29)).success
    assert isinstance(tick(defs, instance), dg.SkipReason)
    write_day(files, date(2026, 6, 29), {"AAPL": bar, "MSFT": bar})  # type: ignore[arg-type]
    write_day(files, date(2026, 6, 30), {"AAPL": bar})  # type: ignore[arg-type]
    asked = tick(defs, instance)
    assert isinstance(asked, dg.SensorResult)
    requests = asked.run_requests or []
    assert [request.partition_key for request in requests] == ["2026-06-29", "2026-06-30"]
    assert len({request.run_key for request in requests}) == 2
    again = tick(defs, instance)
    assert isinstance(again, dg.SensorResult)
    # Until the run is there the same request is made with the same key, which Dagster starts once.
    assert [r.run_key for r in again.run_requests or []] == [r.run_key for r in requests]
    assert materialize("ohlcv", first=date(2026, 6, 29), last=date(2026, 6, 30)).success
    assert isinstance(tick(defs, instance), dg.SkipReason)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ohlcv")) == 3


SESSION = date(2026, 7, 7)
EVENING = datetime(2026, 7, 7, 22, 0, tzinfo=UTC)


def requested_after(instance: dg.DagsterInstance, target: str, *steps: tuple[str, ...]) -> list[bool]:
    """Whether the newest session of an asset is requested, at first and after each step of materialisations."""
    requested, cursor = [], None
    for number, keys in enumerate([(), *steps]):
        for key in keys:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=SESSION.isoformat()))
        result = dg.evaluate_automation_conditions(
            defs=all_defs,
            instance=instance,
            asset_selection=dg.AssetSelection.assets(target),
            evaluation_time=EVENING + timedelta(minutes=number),
            cursor=cursor,
        )
        cursor = result.cursor
        found = result.get_requested_partitions(dg.AssetKey(target))
        requested.append(SESSION.isoformat() in found)
        if requested[-1]:
            instance.report_runless_asset_event(dg.AssetMaterialization(target, partition=SESSION.isoformat()))
    return requested


@pytest.mark.parametrize("target", ["technical_indicators", "wyckoff_phases", "etf_features"])
def test_what_comes_from_bars_waits_for_them_and_follows_them(ready: dg.DagsterInstance, target: str) -> None:
    assert requested_after(ready, target, ("ohlcv",), (), ("ohlcv",)) == [False, True, False, True]


def test_a_summary_waits_for_its_chains(ready: dg.DagsterInstance) -> None:
    steps = [("ohlcv",), ("options_chains",), (), ("options_chains",)]
    assert requested_after(ready, "options_daily_summary", *steps) == [False, False, True, False, True]


def test_a_snapshot_is_made_without_what_never_comes_and_made_anew_with_what_does(ready: dg.DagsterInstance) -> None:
    steps = [("technical_indicators",), (), ("wyckoff_phases", "price_metrics"), (), ("options_chains",)]
    assert requested_after(ready, "daily_snapshots", *steps) == [False, True, False, True, False, True]


def test_metrics_follow_chains_and_bars_and_need_no_bar(ready: dg.DagsterInstance) -> None:
    steps = [("options_chains",), (), ("ohlcv",)]
    assert requested_after(ready, "dealer_metrics", *steps) == [False, True, False, True]


def test_phases_are_made_of_bars_alone_and_anew_with_each_metric(ready: dg.DagsterInstance) -> None:
    steps = [
        ("options_daily_summary", "volatility_metrics"),
        ("ohlcv",),
        (),
        ("options_daily_summary",),
        (),
        ("volatility_metrics",),
        (),
        ("ohlcv",),
    ]
    expected = [False, False, True, False, True, False, True, False, True]
    assert requested_after(ready, "wyckoff_phases", *steps) == expected
