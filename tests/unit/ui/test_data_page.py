"""What the Data page asks and says: how far each table has come, gaps, refused bars, doubtful chains, checks."""

import json
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_ui import database
from kapman_ui.queries import data
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import names, put

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "data.py"

_SOURCE = {"source": "flatfile", "uri": "day.csv.gz", "rows_read": 3, "rows_stored": 2, "rows_refused": 1}


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    """Two sessions of bars with one missing between, a refused row, a chain that failed, a run that failed."""
    ids = names(panel, "AAPL", "MSFT")
    put(panel, schema.ohlcv_sessions, [{"date": day, **_SOURCE} for day in (SESSION, date(2026, 8, 19))])
    refused = {"line": 2, "symbol": "BAD", "reason": "high < low", "row": {}, "source": "flatfile"}
    put(panel, schema.ohlcv_quarantine, [refused, refused | {"line": 3, "symbol": "WORSE"}])
    chain = {"contracts": 0, "pages": 1, "contracts_non_standard": 0, "refused": {}, "rate": 0.0}
    put(
        panel,
        schema.options_chain_status,
        [
            {"ticker_id": ids["AAPL"], "status": "FAILED", "reason": "page 2 did not come", **chain},
            {"ticker_id": ids["MSFT"], "status": "COMPLETE", "reason": None, **chain},
        ],
    )
    with panel.begin() as connection:
        run = {
            "run_id": "r1",
            "job": "__ASSET_JOB",
            "assets": ["ohlcv"],
            "status": "FAILURE",
            "error": "<b>no file</b>",
        }
        connection.execute(
            sa.insert(schema.job_runs), [run, run | {"run_id": "r2", "status": "SUCCESS", "error": None}]
        )
    return panel


def test_what_is_stored_is_counted(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        tables = data.tables(connection).set_index("table")
        assert tables.loc["daily_snapshots", ["newest", "oldest", "rows"]].tolist() == [SESSION, SESSION, 2]
        assert tables.loc["options_chain_status", "rows"] == 2
        assert tables.loc["etf_features", ["newest", "rows"]].tolist() == [None, 0]
        assert data.gaps(connection) == [date(2026, 8, 20)]
        [refused] = data.refused_bars(connection).to_dict("records")
        assert refused == {"date": SESSION, "reason": "high < low", "rows": 2, "example": "BAD"}
        [doubtful] = data.doubtful_chains(connection).to_dict("records")
        assert (doubtful["symbol"], doubtful["status"], doubtful["reason"]) == ("AAPL", "FAILED", "page 2 did not come")
        [quality] = data.snapshot_quality(connection).to_dict("records")
        assert quality == {"quality": "complete", "missing": "", "names": 2}
        assert data.failed_runs(connection)["run_id"].tolist() == ["r1"]


def test_an_empty_warehouse_has_no_gaps(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert data.gaps(connection) == []
        assert data.tables(connection)["rows"].sum() == 0


@pytest.fixture
def dagster_storage(engine: sa.Engine) -> sa.Engine:
    """Dagster's table of verdicts with a check that passed after it had failed, one that warns, one under way."""

    def event(*, success: bool, severity: str, description: str | None) -> str:
        told = {
            "success": success,
            "severity": {"__enum__": f"AssetCheckSeverity.{severity}"},
            "description": description,
        }
        return json.dumps({"dagster_event": {"event_specific_data": told}})

    rows = [
        ("ohlcv", "row_floor", "FAILED", event(success=False, severity="ERROR", description="too few")),
        ("ohlcv", "row_floor", "SUCCEEDED", event(success=True, severity="ERROR", description="enough")),
        ("options_chains", "all_taken", "FAILED", event(success=False, severity="WARN", description=None)),
        ("ohlcv", "row_floor", "PLANNED", "{}"),
    ]
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
                CREATE TABLE asset_check_executions (
                    id bigint GENERATED ALWAYS AS IDENTITY, asset_key text, check_name text, execution_status text,
                    evaluation_event_timestamp timestamp DEFAULT now(), evaluation_event text)""")
        )
        connection.execute(
            sa.text("""
                INSERT INTO asset_check_executions (asset_key, check_name, execution_status, evaluation_event)
                VALUES (:asset, :name, :status, :event)"""),
            [{"asset": f'["{asset}"]', "name": name, "status": s, "event": e} for asset, name, s, e in rows],
        )
    return engine


def test_the_newest_verdict_of_each_check_counts(dagster_storage: sa.Engine) -> None:
    with dagster_storage.connect() as connection:
        found = data.checks(connection)
    assert found[["asset", "check", "verdict", "said"]].values.tolist() == [
        ["ohlcv", "row_floor", "passed", "enough"],
        ["options_chains", "all_taken", "warn", ""],
    ]


@pytest.mark.usefixtures("filled")
def test_the_page_says_what_is_missing_without_dagsters_storage() -> None:
    # The database named `dagster` beside the test's warehouse does not exist.
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["Checks passed"] == "0 of 0"
    assert "1 sessions have no bars: 2026-08-20" in page.error[0].value
    assert any("No verdict of a check is known" in info.value for info in page.info)
    assert database.fetch_checks().empty
