"""What is judged of stored sessions, on data that breaks it row by row, and what retention drops of them."""

import os
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kapman_assets.definitions import build_defs
from kapman_assets.market import quality
from kapman_assets.market.retention import drop_old_sessions
from kapman_assets.verdict import Verdict
from kapman_resources import partitioning, schema
from kapman_resources.dagster_resources import FlatFilesResource, Warehouse
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.sessions import sessions_between
from tests.conftest import copy_database, forget_settings
from tests.integration.conftest import NoPolygon, run_range
from tests.market_files import Bar, write_day

BAR: Bar = (10.0, 11.0, 9.5, 10.5, 1000.0)


def scalar(engine: sa.Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.text(query))


SIX_WEEKS = sessions_between(date(2026, 1, 5), date(2026, 2, 17))


@pytest.fixture(scope="module")
def template(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database to copy that holds thirty sessions of twenty names; each test has a copy."""
    name = f"six_weeks_{os.urandom(6).hex()}"
    copy_database(postgres, template, name)
    files = tmp_path_factory.mktemp("six_weeks") / "flatfiles"
    for day in SIX_WEEKS:
        write_day(files, day, {f"N{chr(65 + n)}": BAR for n in range(20)})
    with pytest.MonkeyPatch.context() as monkeypatch, dg.DagsterInstance.ephemeral() as instance:
        forget_settings(monkeypatch, files.parent)
        warehouse, flat_files = Warehouse(url=postgres.url(name)), FlatFilesResource(location=str(files))
        defs = build_defs(resource_overrides={"warehouse": warehouse, "flat_files": flat_files, "polygon": NoPolygon()})
        assert run_range(defs, instance, ["ohlcv"], SIX_WEEKS[0], SIX_WEEKS[-1]).success
    return name


def test_six_weeks_are_stored(engine: sa.Engine) -> None:
    assert scalar(engine, "SELECT count(*) FROM ohlcv") == 20 * len(SIX_WEEKS) == 600


def verdicts(engine: sa.Engine, days: list[date]) -> dict[str, Verdict]:
    with engine.connect() as connection:
        stored = quality.StoredDays(connection, days)
        return {name: getattr(stored, name)() for name in ("unique_keys", "ohlc_order", "row_floor", "flat_share")}


def test_sound_sessions_pass(engine: sa.Engine) -> None:
    assert all(verdict.passed for verdict in verdicts(engine, SIX_WEEKS).values())


@pytest.mark.parametrize(
    ("damage", "broken", "says"),
    [
        ("DELETE FROM ohlcv WHERE date = :d AND ticker_id % 20 < 8", {"unique_keys", "row_floor"}, "rows"),
        ("DELETE FROM ohlcv_sessions WHERE date = :d", {"unique_keys"}, "20 rows are stored, 0 were written"),
        ("DELETE FROM ohlcv WHERE date = :d", {"unique_keys", "row_floor"}, "0 rows"),
        ("UPDATE ohlcv SET high = low - 1 WHERE date = :d AND ticker_id % 20 = 3", {"ohlc_order"}, "1 bars: N"),
        ("UPDATE ohlcv SET open = 10, high = 10, low = 10, close = 10 WHERE date = :d", {"flat_share"}, "100.0% flat"),
    ],
)
def test_a_damaged_session_is_named(engine: sa.Engine, damage: str, broken: set[str], says: str) -> None:
    day = SIX_WEEKS[-3]
    with engine.begin() as connection:
        connection.execute(sa.text(damage), {"d": day})
    found = {name: verdict for name, verdict in verdicts(engine, SIX_WEEKS).items() if not verdict.passed}
    assert set(found) == broken
    for verdict in found.values():
        assert list(verdict.offenders) == [day.isoformat()]
    assert any(says in verdict.offenders[day.isoformat()] for verdict in found.values())


def test_a_verdict_uses_nothing_later_than_its_session(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM ohlcv WHERE date > :d"), {"d": SIX_WEEKS[10]})
        connection.execute(sa.text("DELETE FROM ohlcv_sessions WHERE date > :d"), {"d": SIX_WEEKS[10]})
    assert all(verdict.passed for verdict in verdicts(engine, SIX_WEEKS[:11]).values())


def test_only_corruption_blocks_what_is_downstream(defs: dg.Definitions) -> None:
    blocking = {
        spec.name
        for checks in defs.asset_checks or []
        for spec in checks.check_specs
        if spec.blocking and spec.asset_key == dg.AssetKey("ohlcv")
    }
    assert blocking == {"unique_keys", "ohlc_order"}


@pytest.mark.parametrize(
    ("now", "passed"),
    [
        # Tuesday 2026-02-17 is stored; Wednesday's file is due on Thursday 11:30 in New York.
        (datetime(2026, 2, 19, 16, 29, tzinfo=UTC), True),
        (datetime(2026, 2, 19, 16, 31, tzinfo=UTC), False),
    ],
)
def test_the_age_of_the_last_session_is_judged_by_what_is_due(engine: sa.Engine, now: datetime, passed: bool) -> None:
    assert SIX_WEEKS[-1] == date(2026, 2, 17)
    with engine.connect() as connection:
        assert quality.last_session_age(connection, now).passed is passed


# --- retention


def test_retention_drops_whole_months_and_keeps_the_rest(engine: sa.Engine) -> None:
    keep = len([day for day in SIX_WEEKS if day.month == 2]) + 2
    dry = drop_old_sessions(engine, keep, dry_run=True)
    assert dry.dropped == ()
    keep -= 2
    dry = drop_old_sessions(engine, keep, dry_run=True)
    assert dry.dropped == ("ohlcv_2026_01", "ohlcv_quarantine_2026_01")
    assert scalar(engine, "SELECT count(DISTINCT date) FROM ohlcv") == len(SIX_WEEKS)
    done = drop_old_sessions(engine, keep, dry_run=False)
    assert (done.dropped, done.sessions) == (dry.dropped, len(SIX_WEEKS) - keep)
    assert scalar(engine, "SELECT min(date) FROM ohlcv") == done.first_kept == date(2026, 2, 2)
    assert scalar(engine, "SELECT count(*) FROM ohlcv_sessions") == keep
    assert scalar(engine, "SELECT count(*) FROM tickers WHERE last_ohlcv_date = '2026-02-17'") == 20


def test_what_was_computed_goes_with_its_bars(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        partitioning.make_room(connection, [schema.universe_technicals.name], SIX_WEEKS)
    tables = [table.name for table in schema.KEPT_WITH_BARS]
    with engine.begin() as connection:
        for table in schema.KEPT_WITH_BARS:
            connection.execute(sa.insert(table), [some_row(connection, table, day) for day in SIX_WEEKS])
        # Not computed of the bars: the record of the chains that were taken.
        taken = [some_row(connection, schema.options_chain_status, day) for day in SIX_WEEKS]
        connection.execute(sa.insert(schema.options_chain_status), taken)
    before = {table: scalar(engine, f"SELECT count(*) FROM {table}") for table in tables}
    assert set(before.values()) == {len(SIX_WEEKS)}
    february = [day for day in SIX_WEEKS if day.month == 2]

    dry = drop_old_sessions(engine, len(february), dry_run=True)
    assert {table: scalar(engine, f"SELECT count(*) FROM {table}") for table in tables} == before
    done = drop_old_sessions(engine, len(february), dry_run=False)

    assert dry == done
    january = len(SIX_WEEKS) - len(february)
    assert done.rows == january * (len(tables) - 1)
    assert done.dropped == ("ohlcv_2026_01", "ohlcv_quarantine_2026_01", "universe_technicals_2026_01")
    for table in tables:
        with engine.connect() as connection:
            kept = connection.scalars(sa.text(f"SELECT date FROM {table} ORDER BY 1")).all()
        assert kept == february, table
    assert scalar(engine, "SELECT count(*) FROM options_chain_status") == len(SIX_WEEKS)
    again = drop_old_sessions(engine, len(february), dry_run=False)
    assert (again.dropped, again.sessions, again.rows) == ((), 0, 0)
    assert scalar(engine, "SELECT count(*) FROM daily_snapshots") == len(february)


def some_row(connection: sa.Connection, table: sa.Table, day: date) -> dict[str, object]:
    """A row of the session with a value in every column that needs one."""
    ticker = connection.scalar(sa.text("SELECT min(ticker_id) FROM tickers"))
    chosen = {"date": day, "ticker_id": ticker, "horizon": "60D", "status": "COMPLETE", "data_quality": "complete"}
    kinds = {sa.Date: day, sa.Text: "some", sa.Boolean: True, ARRAY: [], JSONB: {}}
    return {
        column.name: chosen.get(column.name, kinds.get(type(column.type), 0))
        for column in table.columns
        if not column.nullable and column.server_default is None
    }


def test_what_is_computed_has_a_retention() -> None:
    # A new table of sessions must be in one of them, or here: the ledgers of files and chains, what a user was told.
    others = (
        schema.ohlcv_sessions,
        schema.options_chain_status,
        schema.alert_firings,
        schema.alerts,
        schema.daily_summaries,
        schema.advisor_answers,
        schema.recommendations,
        schema.recommendation_legs,
        schema.recommendation_rejections,
        schema.recommendation_reviews,
        schema.recommendation_outcomes,
        schema.confidence_calibration,
    )
    kept = {table.name for table in (*schema.KEPT_WITH_BARS, *others)} | schema.SESSION_TABLES.keys()
    assert {table.name for table in schema.metadata.sorted_tables if "date" in table.columns} == kept


def test_retention_with_too_few_sessions_does_nothing(engine: sa.Engine) -> None:
    assert drop_old_sessions(engine, len(SIX_WEEKS) + 1, dry_run=False).dropped == ()


def test_the_retention_job_runs_dry_and_for_real(
    engine: sa.Engine, defs: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    job = defs.resolve_job_def("ohlcv_retention")
    february = len([day for day in SIX_WEEKS if day.month == 2])
    for dry_run, months in ((True, 2), (False, 1)):
        config = {"ops": {"drop_old_ohlcv": {"config": {"dry_run": dry_run, "keep_sessions": february}}}}
        assert job.execute_in_process(instance=instance, run_config=config).success
        with engine.connect() as connection:
            assert len(partitioning.slices(connection, "ohlcv")) == months
