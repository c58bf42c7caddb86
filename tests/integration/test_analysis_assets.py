"""Technicals and Wyckoff readings of stored bars: alone or in a range, early or late, split or not, the same rows."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.market.bar_tables import read_bars, read_splits
from kapman_assets.technicals.indicators import INDICATORS
from kapman_assets.technicals.store import write_indicators, write_universe
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import partitioning
from tests.integration.conftest import Materialize
from tests.integration.five_names import LAST, RANGE, SESSIONS, SPLIT, split, store_names
from tests.integration.rounding import close_to

Write = Callable[[sa.Engine, Sequence[date]], Any]
TABLES: dict[str, tuple[Write, tuple[str, ...]]] = {
    "universe": (write_universe, ("universe_technicals",)),
    "indicators": (write_indicators, ("technical_indicators",)),
    "wyckoff": (
        lambda engine, sessions: write_readings(engine, sessions, Parameters(), everyone=False),
        ("wyckoff_events", "wyckoff_phases"),
    ),
}


@pytest.fixture
def bars(engine: sa.Engine) -> sa.Engine:
    """A warehouse with the five names."""
    store_names(engine)
    return engine


def rows_of(engine: sa.Engine, tables: Sequence[str], session: date) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        return {
            table: [
                dict(row._mapping)
                for row in connection.execute(
                    sa.text(f"SELECT * FROM {table} WHERE date = :session ORDER BY 1, 2, 3"), {"session": session}
                )
            ]
            for table in tables
        }


# Numba compiles the engine in one of them, which tracing slows down; the others trace the same code.
@pytest.mark.no_cover
@pytest.mark.parametrize("what", TABLES)
def test_a_session_knows_nothing_later_and_is_the_same_in_a_range(bars: sa.Engine, what: str) -> None:
    write, tables = TABLES[what]
    asked = [RANGE[0], date(2026, 6, 30), date(2026, 7, 1), LAST]
    # Each evening as it was: later bars and a split that had not happened are not there yet.
    alone = {}
    with bars.begin() as connection:
        connection.execute(sa.text("CREATE TABLE later AS SELECT * FROM ohlcv WHERE false"))
    for session in asked:
        with bars.begin() as connection:
            connection.execute(sa.text("INSERT INTO later SELECT * FROM ohlcv WHERE date > :s"), {"s": session})
            connection.execute(sa.text("DELETE FROM ohlcv WHERE date > :s"), {"s": session})
        if session == asked[1]:
            split(bars)
        write(bars, [session])
        alone[session] = rows_of(bars, tables, session)
        with bars.begin() as connection:
            connection.execute(sa.text("INSERT INTO ohlcv SELECT * FROM later"))
            connection.execute(sa.text("TRUNCATE later"))
    # The whole range in one call, when everything is known.
    write(bars, RANGE)
    for session in asked:
        together = rows_of(bars, tables, session)
        assert together.keys() == alone[session].keys()
        for table, rows in alone[session].items():
            assert len(together[table]) == len(rows)
            for row, other in zip(rows, together[table], strict=True):
                assert close_to(row, other), (session, table, row["ticker_id"])
    assert any(alone[session][tables[-1]] for session in asked)


def test_adjusted_bars_are_those_of_the_database(bars: sa.Engine) -> None:
    split(bars)
    for as_of in (date(2026, 6, 26), SPLIT, LAST):
        with bars.connect() as connection:
            table = read_bars(connection, SESSIONS[0], as_of, everyone=True)
            own = table.adjusted(read_splits(connection), as_of)
            stored = pd.read_sql(
                sa.text(
                    "SELECT t.ticker_id, a.date, a.open, a.high, a.low, a.close, a.volume FROM fn_ohlcv_adjusted(:d) a "
                    "JOIN tickers t USING (symbol) ORDER BY 1, 2"
                ),
                connection,
                params={"d": as_of},
            )
        assert len(own) == len(stored) > 2000
        np.testing.assert_array_equal(own.ticker_id, stored["ticker_id"])
        np.testing.assert_array_equal(own.date.astype(object), stored["date"])
        for name in ("open", "high", "low", "close", "volume"):
            np.testing.assert_allclose(getattr(own, name), stored[name], rtol=1e-14)


def test_a_halted_name_has_no_row_and_a_new_one_has_reasons(bars: sa.Engine) -> None:
    halted = SESSIONS[310]
    write_universe(bars, [halted])
    write_indicators(bars, [LAST])
    write_readings(bars, [LAST], Parameters(), everyone=False)
    with bars.connect() as connection:
        symbols = sa.text("SELECT t.symbol FROM universe_technicals JOIN tickers t USING (ticker_id) ORDER BY 1")
        assert connection.scalars(symbols).all() == ["SPLIT", "SPY", "WALK"]
        new = connection.execute(
            sa.text(
                "SELECT i.sma_200, i.sma_20, i.vwap, i.indicators, i.null_reasons, p.bars_read "
                "FROM technical_indicators i JOIN wyckoff_phases p USING (date, ticker_id) "
                "JOIN tickers t USING (ticker_id) WHERE t.symbol = 'NEW'"
            )
        ).one()
    assert new.sma_200 is None
    assert new.null_reasons["sma_200"] == "SHORT_HISTORY"
    assert new.null_reasons["vwap"] == "NO_VWAP"
    assert new.sma_20 > 0
    assert set(new.indicators) == set(INDICATORS)
    assert new.bars_read == 60


def test_events_stay_in_the_session_that_confirmed_them(bars: sa.Engine) -> None:
    write_readings(bars, RANGE, Parameters(), everyone=False)
    with bars.connect() as connection:
        events = connection.execute(sa.text("SELECT date, confirmed_date, event_date FROM wyckoff_events")).all()
        phases = connection.scalar(sa.text("SELECT count(*) FROM wyckoff_phases"))
        versions = connection.execute(sa.text("SELECT model, version, parameters FROM model_parameters")).all()
    assert phases == 5 * len(RANGE)
    assert all(row.event_date <= row.confirmed_date == row.date for row in events)
    assert [(row.model, row.version) for row in versions] == [("wyckoff", Parameters().version)]
    assert Parameters.from_json(json.dumps(versions[0].parameters)) == Parameters()


@pytest.mark.usefixtures("bars")
def test_the_domain_is_materialised_through_dagster(materialize: Materialize) -> None:
    keys = ["universe_technicals", "technical_indicators", "wyckoff_events", "wyckoff_phases"]
    result = materialize(*keys, first=RANGE[-3], last=LAST)
    assert result.success
    counts = {
        event.asset_key.to_user_string(): event.materialization.metadata["dagster/row_count"].value
        for event in result.get_asset_materialization_events()
        if event.partition == LAST.isoformat() and event.asset_key is not None
    }
    assert counts["universe_technicals"] == counts["technical_indicators"] == counts["wyckoff_phases"] == 5
    assert set(counts) == set(keys)


def test_nothing_is_stored_yet(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        partitioning.make_room(connection, ["universe_technicals"], [LAST])
    assert write_universe(engine, [LAST]) == {LAST: 0}
    assert write_indicators(engine, [LAST]) == {LAST: 0}
    assert write_readings(engine, [LAST], Parameters(), everyone=True) == {LAST: (0, 0)}
