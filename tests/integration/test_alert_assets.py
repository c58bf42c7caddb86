"""Alerts through Dagster: no session forgotten, from a snapshot to a mail, runs that fail, sessions that are late."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.alerts import assets, sensors
from kapman_assets.alerts.jobs import notification_delivery
from kapman_assets.partitions import SESSIONS
from kapman_resources import schema
from kapman_resources.dagster_resources import PolygonResource, Warehouse
from kapman_resources.notifier import IDEMPOTENCY_HEADER
from kapman_resources.sessions import latest_open_session, session_offset
from tests.integration.conftest import Materialize
from tests.sinks import MailServer, Webhook, mail_server, webhook

TODAY = latest_open_session(datetime.now(UTC))
UPSTREAM = ("daily_snapshots", "universe_technicals", "etf_features", "recommendations", "recommendation_outcomes")

graph = dg.Definitions(
    assets=[
        assets.alerts,
        assets.daily_summaries,
        *(dg.AssetSpec(key, partitions_def=SESSIONS) for key in UPSTREAM),
    ],
    resources={"warehouse": Warehouse()},
)
"""The domain's assets, and what they depend on as something that others make."""


class Automation:
    """The automation sensor's ticks over the domain."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._cursor: Any = None
        self.requested: dict[str, list[str]] = {}

    def tick(self, key: str) -> list[str]:
        """The sessions that a tick requests of one asset."""
        result = dg.evaluate_automation_conditions(
            defs=graph,
            instance=self._instance,
            asset_selection=dg.AssetSelection.groups(assets.GROUP),
            evaluation_time=datetime(2026, 7, 9, 12, tzinfo=UTC),
            cursor=self._cursor,
        )
        self._cursor = result.cursor
        self.requested = {
            name: sorted(str(session) for session in result.get_requested_partitions(dg.AssetKey(name)))
            for name in ("alerts", "daily_summaries")
        }
        return self.requested[key]

    def made(self, session: str, *keys: str) -> None:
        """Assets of a session were materialised."""
        for key in keys:
            self._instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=session))


FOUR = ["2026-07-02", "2026-07-06", "2026-07-07", "2026-07-08"]
"""Over a holiday and a weekend."""


def test_of_four_sessions_between_two_ticks_none_is_lost(instance: dg.DagsterInstance) -> None:
    automation = Automation(instance)
    assert automation.tick("alerts") == []
    for session in FOUR:
        automation.made(session, "daily_snapshots")
    assert automation.tick("alerts") == FOUR
    for session in FOUR:
        automation.made(session, "alerts")
    assert automation.tick("alerts") == []
    # What comes later is asked too, and an old session that is made anew.
    automation.made(FOUR[1], "recommendations")
    automation.made("2024-07-01", "daily_snapshots")
    assert automation.tick("alerts") == ["2024-07-01", FOUR[1]]


def test_the_summary_waits_for_everything(instance: dg.DagsterInstance) -> None:
    automation = Automation(instance)
    automation.tick("daily_summaries")
    for session in FOUR:
        automation.made(session, "daily_snapshots", "recommendations", "alerts")
    assert automation.tick("daily_summaries") == []
    for session in FOUR[1:]:
        automation.made(session, "recommendation_outcomes", "recommendation_reviews")
    # With the alerts, which are asked again: in one run, after them.
    assert automation.tick("daily_summaries") == FOUR[1:]
    assert automation.requested["alerts"] == FOUR[1:]
    for session in FOUR[1:]:
        automation.made(session, "alerts", "daily_summaries")
    assert automation.tick("daily_summaries") == []


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def hooks() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


@pytest.fixture
def warehouse(engine: sa.Engine) -> Warehouse:
    return Warehouse(url=engine.url.render_as_string(hide_password=False))


def snapshots(engine: sa.Engine, *days: date) -> None:
    """A name that must be left, in some sessions."""
    with engine.begin() as connection:
        ticker_id = connection.scalar(
            sa.insert(schema.tickers).values(symbol="AAPL").returning(schema.tickers.c.ticker_id)
        )
        row = {"ticker_id": ticker_id, "symbol": "AAPL", "data_quality": "complete", "missing": [], "bc_score": 26}
        connection.execute(sa.insert(schema.daily_snapshots), [{**row, "date": day} for day in days])


def tick_delivery(instance: dg.DagsterInstance, warehouse: Warehouse) -> Any:
    context = dg.build_sensor_context(instance=instance, resources={"warehouse": warehouse})
    return sensors.deliver_notifications(context)


def test_from_a_snapshot_to_the_receivers(
    engine: sa.Engine,
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    materialize: Materialize,
    mails: MailServer,
    hooks: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFY_URLS", f"{mails.url} {hooks.url}")
    old = session_offset(TODAY, -4)
    snapshots(engine, old, TODAY)
    assert isinstance(tick_delivery(instance, warehouse), dg.SkipReason)
    result = materialize("alerts", "daily_summaries", first=old, last=TODAY)
    assert result.success
    # The session that is no news has its alert and its mail, and nobody is told.
    with engine.connect() as connection:
        assert list(connection.scalars(sa.select(schema.alerts.c.date).order_by(schema.alerts.c.date))) == [old, TODAY]
        assert len(connection.execute(sa.select(schema.daily_summaries)).all()) == 5
    of_today = {
        event.partition: event.materialization.metadata["messages"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == assets.alerts.key and (event.asset_key, event.partition)
    }
    assert (of_today[old.isoformat()], of_today[TODAY.isoformat()]) == (0, 2)
    assert all(check.passed for check in result.get_asset_check_evaluations())

    assert isinstance(tick_delivery(instance, warehouse), dg.RunRequest)
    done = notification_delivery.execute_in_process(instance=instance, resources={"warehouse": warehouse})
    assert done.success
    skipped = tick_delivery(instance, warehouse)
    assert isinstance(skipped, dg.SkipReason)
    alert, *summaries = mails.mails
    assert alert["Subject"] == "[CRITICAL] AAPL: exit immediately, BC score 26 of 28"
    assert alert[IDEMPOTENCY_HEADER].startswith(f"{TODAY}:AAPL:BC_CRITICAL@mailto-127.0.0.1-")
    # The sessions without an alert have a mail as well.
    assert [mail["Subject"][:17] for mail in summaries] == [
        f"Kapman {session_offset(TODAY, -ago)}" for ago in (3, 2, 1, 0)
    ]
    assert summaries[-1].get_content_type() == "multipart/alternative"
    assert len(hooks.hooks) == 5


def test_without_a_channel_nothing_is_put_or_started(
    engine: sa.Engine, instance: dg.DagsterInstance, warehouse: Warehouse, materialize: Materialize
) -> None:
    snapshots(engine, TODAY)
    assert materialize("alerts", "daily_summaries", first=TODAY).success
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.alerts)) == 1
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.notifications)) == 0
    assert "NOTIFY_URLS" in str(tick_delivery(instance, warehouse))


@dg.op
def goes_wrong() -> None:
    """Fail, and tell a secret."""
    raise ValueError("no answer from json://u:pa55word@example.org/tok3n")


@dg.job
def failing() -> None:
    """A job that fails."""
    goes_wrong()


@dg.op
def goes_well() -> None:
    """Do nothing."""


@dg.job
def working() -> None:
    """A job that ends well."""
    goes_well()


def test_runs_that_end_are_noted_and_none_is_forgotten_while_the_warehouse_is_down(
    engine: sa.Engine, instance: dg.DagsterInstance, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_URLS", "json://u:pa55word@example.org/tok3n")
    cursor: str | None = None

    def tick(at: Warehouse = warehouse) -> str:
        nonlocal cursor
        context = dg.build_sensor_context(instance=instance, resources={"warehouse": at}, cursor=cursor)
        said = sensors.runs_ended(context)
        cursor = context.cursor
        return str(said)

    working.execute_in_process(instance=instance)
    tick()
    for job in (working, failing, failing):
        job.execute_in_process(instance=instance, raise_on_error=False)
    down = Warehouse(url="postgresql://127.0.0.1:1/none?connect_timeout=1")
    before = cursor
    with pytest.raises(sa.exc.OperationalError):
        tick(down)
    assert cursor == before
    assert "3 runs ended; 1 new failures" in tick()
    assert "0 runs ended; 0 new failures" in tick()
    with engine.connect() as connection:
        runs = connection.execute(sa.select(schema.job_runs)).all()
        (alert,) = connection.execute(sa.select(schema.alerts)).all()
        (message,) = connection.execute(sa.select(schema.notifications)).all()
    assert sorted((run.job, run.status) for run in runs) == [
        ("failing", "FAILURE"),
        ("failing", "FAILURE"),
        ("working", "SUCCESS"),
    ]
    assert all(run.started_at <= run.ended_at for run in runs)
    assert (alert.code, alert.kind, alert.title) == ("RUN_FAILED", "system", "Run failed: failing")
    for text in (alert.message, message.body_text, *(run.error for run in runs if run.error)):
        assert "no answer from ***" in text
        assert "pa55word" not in text
        assert "tok3n" not in text


def test_a_session_that_is_late_is_told_once(
    engine: sa.Engine, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots(engine, session_offset(TODAY, -9))

    def tick() -> str:
        context = dg.build_sensor_context(
            resources={"warehouse": warehouse, "polygon": PolygonResource(location="https://api.massive.com")}
        )
        return str(sensors.missing_session(context))

    assert "simulated" in tick()
    monkeypatch.setenv("FLATFILES_URL", "s3://flatfiles")
    monkeypatch.setenv("OPTIONS_URL", "https://api.massive.com")
    late = [session_offset(TODAY, -ago) for ago in (3, 2, 1)]
    said = tick()
    assert all(f"Session {day} is missing in daily_snapshots" in said for day in late)
    assert "No session is missing" in tick()
    with engine.connect() as connection:
        stored = connection.scalars(sa.select(schema.alerts.c.alert_key)).all()
    assert {f"{day}:daily_snapshots:MISSING_SESSION" for day in late} <= set(stored)
    assert len(stored) <= 4
    assert datetime.now(UTC) - datetime.combine(TODAY, datetime.min.time(), UTC) < timedelta(days=5)
