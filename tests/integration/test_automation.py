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

pytestmark = pytest.mark.no_cover
"""Nearly all that runs here is Dagster's own, and tracing makes it half as slow again."""

FIRST_TICK = datetime(2026, 6, 28, 0, 5, tzinfo=UTC)
"""Sunday; Friday of that week, 2026-07-03, is a holiday."""

_BEFORE_CLOSE = 18
LAST_TICK = datetime(2026, 7, 8, 0, 5, tzinfo=UTC)
WEEK = [date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 6), date(2026, 7, 7)]


def ticks(first: datetime, last: datetime) -> Iterator[datetime]:
    """Every 45 minutes from the hour before a close to the end of the day (UTC), every three hours before that."""
    while first <= last:
        yield first
        first += timedelta(minutes=45) if first.hour >= _BEFORE_CLOSE else timedelta(hours=3)


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
    requested = requests_of(ready, list(ticks(FIRST_TICK, datetime(2026, 7, 3, tzinfo=UTC))), fails=failing)
    assert [session for _, session in requested] == WEEK[:4]


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


class Evenings:
    """The condition of `etf_features` asked minute after minute, and what happens in between."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance, self._cursor, self._now = instance, None, EVENING

    def wait(self, *, days: int = 0) -> list[str]:
        """Sessions that are requested in three ticks; nothing that is requested runs."""
        self._now += timedelta(days=days)
        found = []
        for _ in range(3):
            self._now += timedelta(minutes=1)
            result = dg.evaluate_automation_conditions(
                defs=all_defs,
                instance=self._instance,
                asset_selection=dg.AssetSelection.assets("etf_features"),
                evaluation_time=self._now,
                cursor=self._cursor,
            )
            self._cursor = result.cursor
            found += sorted(str(key) for key in result.get_requested_partitions(dg.AssetKey("etf_features")))
        return found

    def stored(self, asset: str, session: date) -> None:
        """A run has written the session of an asset."""
        self._instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=session.isoformat()))

    def judged(self, *, passed: bool) -> None:
        """The check has answered."""
        self._instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("etf_features"), check_name="benchmark_is_recent", passed=passed
            )
        )


@pytest.fixture
def evenings(ready: dg.DagsterInstance) -> Evenings:
    """An evening on which bars and features of the session are stored and the check is green."""
    evenings = Evenings(ready)
    assert evenings.wait() == []
    evenings.stored("ohlcv", SESSION)
    assert evenings.wait() == [SESSION.isoformat()]
    evenings.stored("etf_features", SESSION)
    evenings.judged(passed=True)
    assert evenings.wait() == []
    return evenings


NEXT_SESSION = date(2026, 7, 8)


def test_a_red_check_asks_for_the_newest_session_once(evenings: Evenings) -> None:
    evenings.judged(passed=False)
    assert evenings.wait() == [SESSION.isoformat()]
    # The builder ran, and its check has not answered yet: neither red nor green for Dagster.
    evenings.stored("etf_features", SESSION)
    assert evenings.wait() == []
    evenings.judged(passed=False)
    assert evenings.wait() == []


def test_a_check_that_stays_red_asks_once_a_session_when_there_are_bars(evenings: Evenings) -> None:
    evenings.judged(passed=False)
    assert evenings.wait() == [SESSION.isoformat()]
    evenings.stored("etf_features", SESSION)
    evenings.judged(passed=False)
    assert evenings.wait(days=1) == [], "no bars of the session, nothing to build from"
    evenings.stored("ohlcv", NEXT_SESSION)
    assert evenings.wait() == [NEXT_SESSION.isoformat()]


def test_after_a_repair_only_a_new_failure_asks_again(evenings: Evenings) -> None:
    evenings.judged(passed=False)
    assert evenings.wait() == [SESSION.isoformat()]
    evenings.stored("etf_features", SESSION)
    evenings.judged(passed=True)
    assert evenings.wait() == []
    evenings.judged(passed=False)
    assert evenings.wait() == [SESSION.isoformat()]


def test_a_check_that_is_red_before_automation_begins_asks_once(ready: dg.DagsterInstance) -> None:
    evenings = Evenings(ready)
    evenings.stored("ohlcv", SESSION)
    evenings.judged(passed=False)
    assert evenings.wait() == [SESSION.isoformat()]


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
