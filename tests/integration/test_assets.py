"""The base layer through Dagster: what is materialised, said, checked, retried and refused."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa

from kapman_assets import runs
from kapman_assets.definitions import build_defs
from kapman_resources import flatfiles, stores
from kapman_resources.dagster_resources import FlatFilesResource, Warehouse
from tests.integration.conftest import Materialize, NoPolygon
from tests.market_files import Bar, day_file, line, write_day
from tests.servers import Answer, serving

MON, TUE, WED = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
BAR: Bar = (10.0, 11.0, 9.5, 10.5, 1000.0)


def scalar(engine: sa.Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.text(query))


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    return "\n".join(
        f"{event.step_failure_data.error_display_string} {event.step_failure_data.user_failure_data}"
        for event in result.all_events
        if event.is_step_failure
    )


def pages(root: Path, path: str, rows: list[dict[str, Any]]) -> None:
    folder = root / path
    folder.mkdir(parents=True)
    (folder / "0001.json.gz").write_bytes(gzip.compress(json.dumps({"status": "OK", "results": rows}).encode()))


@pytest.fixture
def rest(tmp_path: Path) -> Path:
    """Recorded reference pages in the vendor's own shape."""
    root = tmp_path / "rest"
    identity = {"primary_exchange": "XNAS", "cik": "0000320193", "composite_figi": "BBG000B9XRY4"}
    tickers = [
        {"ticker": "AAPL", "name": "Apple Inc.", "type": "CS", "active": True, **identity},
        {"ticker": "ZZZ", "name": "Zzz Corp", "type": "CS", "active": True},
        {"ticker": "WORK", "name": "Slack", "type": "CS", "active": False, "delisted_utc": "2021-07-21T00:00:00Z"},
        # A symbol given out again: the living name counts.
        {"ticker": "META", "name": "Roundhill ETF", "type": "ETF", "active": False, "delisted_utc": "2022-01-31"},
        {"ticker": "META", "name": "Meta Platforms", "type": "CS", "active": True},
    ]
    pages(root, "v3/reference/tickers", tickers)
    split = {"ticker": "AAPL", "execution_date": "2026-03-03", "split_from": 1, "split_to": 4}
    unknown = {"ticker": "NOBODY", "execution_date": "2026-03-03", "split_from": 1, "split_to": 4}
    pages(root, "stocks/v1/splits", [{**split, "historical_adjustment_factor": 0.25}, unknown])
    return root


@pytest.mark.usefixtures("rest")
def test_tickers_hold_reference_and_watchlist(engine: sa.Engine, materialize: Materialize) -> None:
    result = materialize("tickers")
    assert result.success
    with engine.connect() as connection:
        rows = {row.symbol: row for row in connection.execute(sa.text("SELECT * FROM tickers"))}
        watched = connection.execute(
            sa.text("""
                SELECT p.name, count(*), min(priority) FROM portfolio_tickers JOIN portfolios p USING (portfolio_id)
                GROUP BY p.name ORDER BY p.name""")
        ).all()
    assert [tuple(row) for row in watched] == [("AI_STOCKS", 143, "P1"), ("SECTOR_ETFS", 12, "P2")]
    apple = rows["AAPL"]
    assert (apple.name, apple.type, apple.cik, apple.is_active) == ("Apple Inc.", "CS", "0000320193", True)
    assert (apple.sector, apple.options_enabled) == ("Information Technology", True)
    assert (rows["WORK"].is_active, rows["WORK"].delisted_on) == (False, date(2021, 7, 21))
    assert (rows["META"].name, rows["META"].is_active) == ("Meta Platforms", True)
    assert (rows["ZZZ"].options_enabled, rows["ZZZ"].universe_tier) == (False, "polygon_full")
    assert (rows["NVDA"].universe_tier, rows["NVDA"].is_active) == ("custom", False)
    assert checks_of(result) == {"watchlist_trades": False}


@pytest.mark.usefixtures("rest")
def test_a_users_portfolio_stays_as_the_user_left_it(engine: sa.Engine, materialize: Materialize) -> None:
    assert materialize("tickers").success
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM portfolio_tickers WHERE priority = 'P1'"))
        connection.execute(sa.text("UPDATE tickers SET options_enabled = false WHERE symbol = 'AAPL'"))
    assert materialize("tickers").success
    assert scalar(engine, "SELECT count(*) FROM portfolio_tickers") == 12
    assert scalar(engine, "SELECT options_enabled FROM tickers WHERE symbol = 'AAPL'") is False


@pytest.mark.usefixtures("rest")
def test_splits_adjust_bars_and_are_doubted_where_prices_disagree(
    engine: sa.Engine, files: Path, materialize: Materialize
) -> None:
    write_day(files, MON, {"AAPL": (400.0, 400.0, 400.0, 400.0, 10.0)})
    write_day(files, TUE, {"AAPL": (100.0, 100.0, 100.0, 100.0, 40.0)})
    result = materialize("tickers", "ohlcv", "splits", first=MON, last=TUE)
    assert result.success
    assert scalar(engine, "SELECT array_agg(close ORDER BY date) FROM v_ohlcv_adjusted") == [100, 100]
    assert checks_of(result)["fit_prices"]
    write_day(files, TUE, {"AAPL": (390.0, 390.0, 390.0, 390.0, 10.0)})
    assert materialize("ohlcv", first=TUE).success
    again = materialize("splits")
    assert not checks_of(again)["fit_prices"]
    assert checks_of(again)["fit_vendor"]


def test_without_a_reference_tickers_come_from_the_files(
    engine: sa.Engine, files: Path, materialize: Materialize
) -> None:
    write_day(files, MON, {"NVDA": BAR, "OTHR": BAR})
    result = materialize("tickers", "splits", "ohlcv", first=MON)
    assert result.success
    assert scalar(engine, "SELECT universe_tier FROM tickers WHERE symbol = 'NVDA'") == "polygon_full"
    assert scalar(engine, "SELECT count(*) FROM tickers WHERE last_ohlcv_date = '2026-03-02'") == 2


def test_each_session_of_a_range_has_its_own_metadata(
    files: Path, instance: dg.DagsterInstance, materialize: Materialize
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    write_day(files, TUE, day_file([line("AAPL", TUE, BAR), line("MSFT", TUE, BAR), line("ZVZZT", TUE, BAR)]))
    result = materialize("ohlcv", first=MON, last=TUE)
    assert result.success
    records = instance.fetch_materializations(dg.AssetKey("ohlcv"), limit=10).records
    said = {record.partition_key: record.asset_materialization for record in records}
    counts = {
        key: (event.metadata["dagster/row_count"].value, event.metadata["rows_refused"].value)
        for key, event in said.items()
        if event is not None
    }
    assert counts == {"2026-03-02": (1, 0), "2026-03-03": (2, 1)}
    assert checks_of(result)["unique_keys"]
    assert checks_of(result)["ohlc_order"]


def test_what_could_be_stored_is_materialised_and_the_rest_named(
    files: Path, instance: dg.DagsterInstance, materialize: Materialize
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    write_day(files, TUE, b"not gzip")
    write_day(files, WED, {"AAPL": BAR})
    result = materialize("ohlcv", first=MON, last=WED)
    assert "1 of 3 sessions could not be stored" in failure_of(result)
    assert "2026-03-03: the file is cut off or not gzip" in failure_of(result)
    records = instance.fetch_materializations(dg.AssetKey("ohlcv"), limit=10).records
    assert {record.partition_key for record in records} == {"2026-03-02", "2026-03-04"}
    write_day(files, TUE, {"AAPL": BAR})
    assert materialize("ohlcv", first=TUE).success


def test_a_session_not_published_yet_ends_without_a_materialisation(
    files: Path, instance: dg.DagsterInstance, materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = datetime(2026, 3, 3, 22, tzinfo=UTC)
    judge = flatfiles.judge_absence
    monkeypatch.setattr(flatfiles, "judge_absence", lambda session, _now: judge(session, evening))
    write_day(files, MON, {"AAPL": BAR})
    result = materialize("ohlcv", first=TUE)
    assert result.success
    assert instance.fetch_materializations(dg.AssetKey("ohlcv"), limit=10).records == []


def test_refused_credentials_are_named_and_not_tried_again(
    engine: sa.Engine, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    with serving(lambda _request: Answer(403, denied)) as server:
        defs = build_defs(
            resource_overrides={
                "warehouse": _warehouse(engine),
                "flat_files": FlatFilesResource(location="s3://flatfiles", endpoint_url=server.url),
                "polygon": NoPolygon(),
            }
        )
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("ohlcv")], partition_key="2026-03-02", raise_on_error=False
        )
        assert "entitlement" in failure_of(result)
        assert "2026-03-02" in failure_of(result)
        assert len(server.requests) <= 3  # the reader works at most two files ahead
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    everything = "".join(str(event) for event in instance.all_logs(result.run_id))
    assert "the-secret-key" not in everything


@pytest.mark.parametrize(
    "error",
    [
        stores.StoreUnavailable("the store is failing"),
        psycopg.OperationalError("the connection was lost"),
        sa.exc.OperationalError("COPY", {}, Exception("the server went away")),
    ],
    ids=lambda error: type(error).__module__,
)
def test_what_may_pass_is_tried_again_by_the_step(
    files: Path, materialize: Materialize, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    monkeypatch.setattr(runs, "_WAIT_SECONDS", 0)
    fetch, failures = flatfiles.FlatFiles.fetch, [error, error]

    def stumble(self: flatfiles.FlatFiles, session: date) -> flatfiles.FlatFile:
        if failures:
            raise failures.pop()
        return fetch(self, session)

    monkeypatch.setattr(flatfiles.FlatFiles, "fetch", stumble)
    result = materialize("ohlcv", first=MON)
    assert result.success
    assert sum(event.is_step_up_for_retry for event in result.all_events) == 2


def test_what_a_first_try_stored_is_materialised_though_the_second_fails(
    files: Path, instance: dg.DagsterInstance, materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_day(files, MON, b"not gzip")
    write_day(files, TUE, {"AAPL": BAR})
    monkeypatch.setattr(runs, "_WAIT_SECONDS", 0)
    fetch, failures = flatfiles.FlatFiles.fetch, [stores.StoreUnavailable("the store is failing")]

    def stumble(self: flatfiles.FlatFiles, session: date) -> flatfiles.FlatFile:
        if session == MON and failures:
            raise failures.pop()
        return fetch(self, session)

    monkeypatch.setattr(flatfiles.FlatFiles, "fetch", stumble)
    assert "1 of 2 sessions could not be stored" in failure_of(materialize("ohlcv", first=MON, last=TUE))
    records = instance.fetch_materializations(dg.AssetKey("ohlcv"), limit=10).records
    assert [record.partition_key for record in records] == ["2026-03-03"]


def test_what_does_not_pass_ends_after_its_tries(
    files: Path, materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    monkeypatch.setattr(runs, "_WAIT_SECONDS", 0)

    def fail(_self: flatfiles.FlatFiles, _session: date) -> flatfiles.FlatFile:
        raise stores.StoreUnavailable("the store is down for good")

    monkeypatch.setattr(flatfiles.FlatFiles, "fetch", fail)
    result = materialize("ohlcv", first=MON)
    assert "the store is down for good" in failure_of(result)
    assert sum(event.is_step_up_for_retry for event in result.all_events) == runs.MAX_RETRIES


def test_a_check_can_be_run_on_its_own(
    files: Path, defs: dg.Definitions, instance: dg.DagsterInstance, materialize: Materialize
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    assert materialize("ohlcv", first=MON).success
    job = defs.resolve_implicit_global_asset_job_def()
    alone = job.get_subset(
        asset_selection=set(), asset_check_selection={dg.AssetCheckKey(dg.AssetKey("ohlcv"), "ohlc_order")}
    ).execute_in_process(instance=instance)
    assert checks_of(alone) == {"ohlc_order": True}


def test_another_kind_of_market_is_refused(
    engine: sa.Engine, files: Path, materialize: Materialize, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    write_day(files, MON, {"AAPL": BAR})
    assert materialize("ohlcv", first=MON).success
    other = tmp_path / "other" / "flatfiles"
    write_day(other, MON, {"AAPL": BAR})
    (other.parent / "market.json").write_text('{"market": "simulated"}')
    defs = build_defs(
        resource_overrides={
            "warehouse": _warehouse(engine),
            "flat_files": FlatFilesResource(location=str(other)),
            "polygon": NoPolygon(),
        }
    )
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("ohlcv")], partition_key="2026-03-02", raise_on_error=False
    )
    assert "holds a recorded market" in failure_of(result)


def test_what_was_stored_before_access_ends_is_materialised(
    files: Path, instance: dg.DagsterInstance, materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (MON, TUE, WED):
        write_day(files, day, {"AAPL": BAR})
    fetch, asked = flatfiles.FlatFiles.fetch, []

    def entitled_from_wednesday(self: flatfiles.FlatFiles, session: date) -> flatfiles.FlatFile:
        asked.append(session)
        if session < WED:
            raise stores.AccessDenied(f"{session}: no entitlement")
        return fetch(self, session)

    monkeypatch.setattr(flatfiles.FlatFiles, "fetch", entitled_from_wednesday)
    result = materialize("ohlcv", first=MON, last=WED)
    assert "2026-03-03: no entitlement" in failure_of(result)
    assert "The 1 sessions before it were not tried." in failure_of(result)
    assert asked[0] == WED
    records = instance.fetch_materializations(dg.AssetKey("ohlcv"), limit=10).records
    assert [record.partition_key for record in records] == ["2026-03-04"]


def test_an_override_that_nothing_asks_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no resource is called warhouse"):
        build_defs(resource_overrides={"warhouse": NoPolygon()})


def _warehouse(engine: sa.Engine) -> Warehouse:
    return Warehouse(url=engine.url.render_as_string(hide_password=False))
