"""The verdicts on sessions of the analysis layer: green on what the stores write, red on each way to damage it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import default_asset_checks
from kapman_assets.snapshots import quality as snapshots
from kapman_assets.sql_models import load_models
from kapman_assets.technicals import quality as technicals
from kapman_assets.technicals.store import write_indicators, write_universe
from kapman_assets.verdict import Verdict
from kapman_assets.wyckoff import quality as wyckoff
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import database, derived
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.sessions import session_offset, sessions_between
from tests.conftest import new_warehouse
from tests.integration.conftest import Materialize
from tests.integration.five_names import LAST, store_names

SESSIONS = sessions_between(session_offset(LAST, -11), LAST)
DAY = SESSIONS[-3]
"""The session that is damaged; the ones around it are whole."""

JUDGES: dict[str, Callable[[sa.Connection, Sequence[date]], Verdict]] = {
    "universe.every_bar": technicals.every_bar_in_universe,
    "universe.values": technicals.universe_values,
    "indicators.every_bar": technicals.every_watched_bar,
    "indicators.values": technicals.indicator_values,
    "indicators.all_outputs": technicals.all_outputs,
    "events.causal": wyckoff.events_are_causal,
    "phases.every_bar": wyckoff.every_watched_bar,
    "phases.values": wyckoff.phase_values,
    "phases.one_model": wyckoff.one_model,
    "snapshots.every_bar": snapshots.every_watched_bar,
    "snapshots.explained": snapshots.quality_is_explained,
    "snapshots.usual": snapshots.usual_share_is_complete,
}


@pytest.fixture(scope="module")
def stored(postgres: EmbeddedPostgres, template: str) -> Iterator[sa.Engine]:
    """Twelve sessions of five names with everything that is made of them; every chain is said to be whole."""
    with new_warehouse(postgres, template) as url:
        engine = database.make_engine(url, application_name="test")
        store_names(engine)
        write_universe(engine, SESSIONS)
        write_indicators(engine, SESSIONS)
        write_readings(engine, SESSIONS, Parameters(), everyone=False)
        (model,) = (one for one in load_models() if one.name == "daily_snapshots")
        with engine.begin() as connection:
            columns = [column.name for column in model.columns]
            derived.replace_sessions(connection, model.name, model.sql, columns, SESSIONS)
            connection.execute(sa.text("UPDATE daily_snapshots SET data_quality = 'complete', missing = '{}'"))
            connection.execute(
                sa.text("""
                    INSERT INTO wyckoff_events (date, ticker_id, event, event_date, confirmed_date, confidence, terms,
                                                price_level, volume_ratio, model_version)
                    SELECT date, ticker_id, 'ST', date - 1, date, 0.5, '{}', 80, 1.2, model_version
                    FROM wyckoff_phases ON CONFLICT DO NOTHING""")
            )
        yield engine
        engine.dispose()


@pytest.fixture
def connection(stored: sa.Engine) -> Iterator[sa.Connection]:
    """The stored sessions; whatever a test does to them is undone."""
    with stored.connect() as connection:
        yield connection
        connection.rollback()


def broken(connection: sa.Connection) -> dict[str, Verdict]:
    found = {name: judge(connection, SESSIONS) for name, judge in JUDGES.items()}
    return {name: verdict for name, verdict in found.items() if not verdict.passed}


def test_what_is_written_is_green(connection: sa.Connection) -> None:
    assert broken(connection) == {}
    # None of it for want of rows.
    for table in ("universe_technicals", "technical_indicators", "wyckoff_phases", "daily_snapshots", "wyckoff_events"):
        count = sa.text(f"SELECT count(*) FROM {table} WHERE date = :day")
        assert connection.scalar(count, {"day": DAY}) == 5, table


ONE = "WHERE date = :day AND ticker_id = (SELECT ticker_id FROM tickers WHERE symbol = 'WALK')"
DAMAGES = [
    (f"DELETE FROM universe_technicals {ONE}", "universe.every_bar", "WALK"),
    ("DELETE FROM universe_technicals WHERE date = :day", "universe.every_bar", "HALT, NEW, SPLIT, SPY, WALK"),
    (f"DELETE FROM technical_indicators {ONE}", "indicators.every_bar", "WALK"),
    (f"DELETE FROM wyckoff_phases {ONE}", "phases.every_bar", "WALK"),
    (f"DELETE FROM daily_snapshots {ONE}", "snapshots.every_bar", "WALK"),
    *(
        (f"UPDATE universe_technicals SET {column} = {value} {ONE}", "universe.values", f"WALK {said or column}")
        for column, value, said in (
            ("rsi_14", "100.1", ""), ("rsi_14", "'NaN'", ""), ("stoch_k", "-1", ""), ("mfi_14", "101", ""),
            ("adx_14", "-0.1", ""), ("atr_14", "-1", ""), ("close", "-1", ""), ("volume", "'Infinity'", ""),
            ("macd_line", "'NaN'", ""), ("return_1", "-1.5", ""), ("hv_20", "-0.1", ""), ("rvol_20", "-1", ""),
            ("high_52w_distance", "0.01", ""), ("low_52w_distance", "-0.01", ""), ("bars", "0", ""),
            ("bbands_lower", "bbands_upper + 1", "bbands"), ("obv_slope_10", "'-Infinity'", ""),
        )
    ),
    *(
        (f"UPDATE technical_indicators SET {column} = {value} {ONE}", "indicators.values", f"WALK {said or column}")
        for column, value, said in (
            ("rsi_14", "-1", ""), ("stoch_d", "'NaN'", ""), ("sma_200", "-5", ""), ("obv", "'Infinity'", ""),
            ("price_vs_sma20", "-101", ""), ("bbands_middle", "bbands_lower - 1", "bbands"),
        )
    ),
    (f"UPDATE technical_indicators SET indicators = indicators - 'kst' {ONE}", "indicators.all_outputs", "WALK"),
    (f"""UPDATE technical_indicators SET indicators = indicators || '{{"mine": 1}}' {ONE}""",
     "indicators.all_outputs", "WALK"),
    (f"UPDATE technical_indicators SET indicators = '{{}}' {ONE}", "indicators.all_outputs", "WALK"),
    *(
        (f"UPDATE wyckoff_events SET {column} = {value} {ONE} AND event = 'ST'", "events.causal", f"WALK {column}")
        for column, value in (
            ("confirmed_date", "date - 1"), ("event_date", "date + 1"), ("confidence", "1.01"),
            ("confidence", "'NaN'"), ("price_level", "-1"), ("event", "'SPRUNG'"), ("replaces_date", "date + 1"),
        )
    ),
    *(
        (f"UPDATE wyckoff_phases SET {column} = {value} {ONE}", "phases.values", f"WALK {said or column}")
        for column, value, said in (
            ("bc_score", "29", ""), ("bc_score", "-1", ""), ("bc_score_3d", "29", ""), ("spring_score", "13", ""),
            ("phase_score", "1.1", ""), ("phase_confidence", "-0.1", ""), ("composite_score", "'NaN'", ""),
            ("primary_event_confidence", "2", ""), ("bars_read", "0", ""), ("bc_raw", "bc_max + 1", ""),
            ("range_start", "date + 1", ""), ("primary_event_date", "date + 1", ""),
            ("(support, resistance)", "(90, 80)", "borders"), ("(spring_raw, spring_max)", "(7, 6)", "spring_raw"),
        )
    ),
    (f"UPDATE wyckoff_phases SET model_version = 'other' {ONE}", "phases.one_model", f"other, {Parameters().version}"),
    ("""WITH other AS (INSERT INTO model_parameters (model, version, parameters) VALUES ('wyckoff', 'other', '{}'))
        UPDATE wyckoff_events SET model_version = 'other' WHERE date = :day""",
     "phases.one_model", f"other, {Parameters().version}"),
    (f"UPDATE daily_snapshots SET missing = '{{wyckoff}}' {ONE}", "snapshots.explained", "WALK complete"),
    (f"UPDATE daily_snapshots SET data_quality = 'partial', missing = '{{bar}}' {ONE}",
     "snapshots.explained", "WALK partial"),
    ("UPDATE daily_snapshots SET data_quality = 'partial', missing = '{dealer:none}' WHERE date = :day "
     "AND ticker_id % 5 < 2", "snapshots.usual", "60% complete, usually 100%"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "judge", "says"), DAMAGES)
def test_a_damaged_session_is_named(connection: sa.Connection, damage: str, judge: str, says: str) -> None:
    assert connection.execute(sa.text(damage), {"day": DAY}).rowcount > 0
    found = broken(connection)
    assert set(found) == {judge}
    assert found[judge].offenders == {DAY.isoformat(): says}
    assert DAY.isoformat() in found[judge].summary


def test_a_version_whose_parameters_are_gone_is_named(connection: sa.Connection) -> None:
    connection.execute(sa.text("DELETE FROM model_parameters"))
    found = broken(connection)
    assert found["phases.one_model"].offenders == {day.isoformat(): Parameters().version for day in SESSIONS}


def test_names_that_nobody_watches_need_a_row_for_the_screener_alone(connection: sa.Connection) -> None:
    connection.execute(sa.text("UPDATE tickers SET options_enabled = false WHERE symbol = 'WALK'"))
    for table in ("universe_technicals", "technical_indicators", "wyckoff_phases", "daily_snapshots"):
        connection.execute(sa.text(f"DELETE FROM {table} {ONE}"), {"day": DAY})
    assert set(broken(connection)) == {"universe.every_bar"}


def test_a_share_is_judged_by_the_sessions_before_alone(connection: sa.Connection) -> None:
    partial = "UPDATE daily_snapshots SET data_quality = 'partial', missing = '{dealer:none}' WHERE date "
    # Too few sessions before say nothing.
    connection.execute(sa.text(f"{partial} <= :day"), {"day": SESSIONS[4]})
    assert snapshots.usual_share_is_complete(connection, SESSIONS).passed
    # Nothing is usual where nothing is complete, and what comes later is no yardstick.
    connection.execute(sa.text(f"{partial} <= :day"), {"day": SESSIONS[-2]})
    assert snapshots.usual_share_is_complete(connection, SESSIONS).passed


def test_only_what_cannot_be_blocks_what_is_downstream() -> None:
    blocking = {
        (spec.asset_key.to_user_string(), spec.name)
        for checks in default_asset_checks
        for spec in checks.check_specs
        if spec.blocking and spec.asset_key != dg.AssetKey("ohlcv")
    }
    assert blocking == {
        ("universe_technicals", "universe_values"),
        ("technical_indicators", "indicator_values"),
        ("technical_indicators", "all_outputs"),
        ("wyckoff_events", "events_are_causal"),
        ("wyckoff_phases", "phase_values"),
        ("daily_snapshots", "quality_is_explained"),
    }


def test_the_checks_run_with_their_assets(engine: sa.Engine, materialize: Materialize) -> None:
    store_names(engine)
    keys = ("universe_technicals", "technical_indicators", "wyckoff_events", "wyckoff_phases", "daily_snapshots")
    result = materialize(*keys, first=SESSIONS[-2], last=LAST)
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == len(JUDGES)
    assert all(evaluation.passed for evaluation in evaluations)
    # Each of them is about its rows: emptied, the next run of the snapshots alone says which are gone.
    with engine.begin() as connection:
        for table in ("technical_indicators", "wyckoff_phases"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE date = :day"), {"day": LAST})
    result = materialize("daily_snapshots", first=SESSIONS[-2], last=LAST)
    failed = [evaluation for evaluation in result.get_asset_check_evaluations() if not evaluation.passed]
    assert [(one.check_name, one.severity) for one in failed] == [("every_watched_bar", dg.AssetCheckSeverity.ERROR)]
    assert str(LAST) in str(failed[0].description)
    assert str(SESSIONS[-2]) not in str(failed[0].description)
