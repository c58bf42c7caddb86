"""Names that no formula expects, through the stores: each has its answer, and none of them touches the others."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.technicals import quality as technicals
from kapman_assets.technicals.store import write_indicators, write_universe
from kapman_assets.wyckoff import quality as wyckoff
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import schema
from kapman_resources.sessions import session_offset, sessions_between
from tests.integration.recorded_bars import copy_bars
from tests.integration.rounding import close_to

LAST = date(2026, 7, 8)
SESSIONS = sessions_between(session_offset(LAST, -299), LAST)
SPLIT = SESSIONS[150]
RENAMED = SESSIONS[-40]
NAMES = (
    "SOUND",
    "SPY",
    "FEW",
    "HALTED",
    "GAPS",
    "IDLE",
    "SPLIT",
    "WHOLE",
    "FLAT",
    "TICK",
    "JUMP",
    "TORN",
    "OLD",
    "NEW",
)
TABLES = ("universe_technicals", "technical_indicators", "wyckoff_events", "wyckoff_phases")


def walk(seed: int) -> pd.DataFrame:
    """A name of which nothing is strange."""
    rng = np.random.default_rng(seed)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, len(SESSIONS))))
    spread = close * rng.uniform(0.005, 0.02, len(SESSIONS))
    opened = close + spread * rng.uniform(-0.9, 0.9, len(SESSIONS))
    volume = np.round(1e6 * np.exp(rng.normal(0, 0.4, len(SESSIONS))))
    prices = {"open": opened, "high": close + spread, "low": close - spread, "close": close, "volume": volume}
    return pd.DataFrame(prices, index=SESSIONS)


def strange() -> dict[str, pd.DataFrame]:
    """The names by symbol."""
    names = {symbol: walk(seed) for seed, symbol in enumerate(NAMES)}
    names["FEW"] = names["FEW"].iloc[-10:]
    names["HALTED"] = names["HALTED"].iloc[:-1]
    names["GAPS"] = names["GAPS"].drop(SESSIONS[-30:-20])
    names["IDLE"]["volume"] = 0.0
    # The same name twice, as traded and in today's shares.
    names["WHOLE"] = names["SPLIT"].copy()
    before = names["SPLIT"].index < SPLIT
    names["SPLIT"].loc[before, ["open", "high", "low", "close"]] *= 4
    names["SPLIT"].loc[before, "volume"] /= 4
    names["FLAT"][["open", "high", "low", "close"]] = 7.0
    names["TICK"][["open", "low"]] = 0.0001
    names["TICK"]["high"] = 0.0002
    names["TICK"]["close"] = np.where(np.arange(len(SESSIONS)) % 3, 0.0001, 0.0002)
    names["JUMP"].loc[LAST:, ["open", "high", "low", "close"]] *= 5
    # One company under two symbols.
    names["OLD"], names["NEW"] = names["OLD"].loc[: SESSIONS[-41]], names["OLD"].loc[RENAMED:]
    return names


def store(engine: sa.Engine, names: Mapping[str, pd.DataFrame]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": name, "options_enabled": True} for name in names])
    copy_bars(engine, pd.concat([frame.assign(symbol=name, session=frame.index) for name, frame in names.items()]))


def write(engine: sa.Engine, sessions: Sequence[date]) -> None:
    write_universe(engine, sessions)
    write_indicators(engine, sessions)
    write_readings(engine, sessions, Parameters(), everyone=False)


def rows(engine: sa.Engine, table: str, session: date = LAST) -> dict[str, dict[str, Any]]:
    query = sa.text(f"SELECT t.symbol, x.* FROM {table} x JOIN tickers t USING (ticker_id) WHERE date = :session")
    with engine.connect() as connection:
        return {row["symbol"]: dict(row) for row in connection.execute(query, {"session": session}).mappings()}


@pytest.fixture
def stored(engine: sa.Engine) -> sa.Engine:
    """All of the names, with what is made of their last sessions."""
    store(engine, strange())
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO splits (ticker_id, execution_date, split_from, split_to, applies_from, price_factor) "
                "SELECT ticker_id, :day, 1, 4, '0001-01-01', 0.25 FROM tickers WHERE symbol = 'SPLIT'"
            ),
            {"day": SPLIT},
        )
        torn = "UPDATE ohlcv SET high = 'NaN' WHERE date = :day AND ticker_id IN (SELECT ticker_id FROM tickers WHERE "
        connection.execute(sa.text(f"{torn} symbol = 'TORN')"), {"day": LAST})
    write(engine, SESSIONS[-3:])
    return engine


def test_each_strange_name_has_its_answer(stored: sa.Engine) -> None:
    screener, indicators, phases = (rows(stored, TABLES[place]) for place in (0, 1, 3))
    # A name without a bar has no row; one whose bar cannot be read says so where there is a place for it.
    without_bar = {"HALTED", "OLD"}
    assert set(screener) == set(phases) == set(NAMES) - without_bar - {"TORN"}
    assert set(indicators) == set(NAMES) - without_bar
    torn = indicators["TORN"]
    assert {torn["rsi_14"], *torn["indicators"].values()} == {None}
    assert set(torn["null_reasons"].values()) == {"INCOMPLETE_BAR"}
    assert rows(stored, "wyckoff_phases", SESSIONS[-2])["TORN"]["bars_read"] == 299

    reasons = {name: row["null_reasons"] for name, row in indicators.items()}
    assert (reasons["FEW"]["sma_20"], phases["FEW"]["regime"]) == ("SHORT_HISTORY", "UNKNOWN")
    assert phases["FEW"]["bars_read"] == screener["FEW"]["bars"] == 10
    assert phases["FEW"]["null_reasons"]["letter"] == "SHORT_HISTORY"
    # Bars that are not there are left out of a bar's past; a measure of sessions is unknown.
    assert (screener["GAPS"]["bars"], phases["GAPS"]["bars_read"]) == (290, 290)
    assert screener["GAPS"]["hv_60"] is None
    assert screener["GAPS"]["sma_20"] == pytest.approx(strange()["GAPS"]["close"].iloc[-20:].mean())
    assert screener["IDLE"]["rvol_20"] is None
    assert reasons["IDLE"]["mfi_14"] == "NO_VOLUME"
    assert phases["IDLE"]["events_detected"] == []
    assert reasons["FLAT"]["rsi_14"] == "FLAT_HISTORY"
    assert (screener["FLAT"]["hv_20"], phases["FLAT"]["regime"]) == (0, "RANGE")
    assert (reasons["TICK"]["adx_14"], screener["TICK"]["close"]) == ("FLAT_HISTORY", 0.0001)
    assert 0 < screener["TICK"]["rsi_14"] < 100

    jump = strange()["JUMP"]["close"]
    assert screener["JUMP"]["return_1"] == pytest.approx(jump.iloc[-1] / jump.iloc[-2] - 1)
    assert screener["JUMP"]["return_1"] > 3.5
    assert screener["JUMP"]["rsi_14"] <= 100
    # A jump without a trend into it is no event.
    assert "JUMP" not in rows(stored, "wyckoff_events")


def test_a_split_in_the_middle_is_none(stored: sa.Engine) -> None:
    for table in ("universe_technicals", "technical_indicators", "wyckoff_phases"):
        split, whole = (rows(stored, table)[name] for name in ("SPLIT", "WHOLE"))
        for row in (split, whole):
            del row["ticker_id"], row["symbol"]
        assert close_to(split, whole), table
    assert split["bars_read"] == 300


def test_a_name_that_changes_its_symbol_begins_anew(stored: sa.Engine) -> None:
    # Symbols are all that day files know: the bars of the old one are not taken for those of the new one.
    screener, indicators = rows(stored, "universe_technicals")["NEW"], rows(stored, "technical_indicators")["NEW"]
    assert screener["bars"] == 40
    assert screener["sma_20"] == pytest.approx(strange()["NEW"]["close"].iloc[-20:].mean())
    assert (screener["sma_50"], indicators["null_reasons"]["sma_50"]) == (None, "SHORT_HISTORY")
    assert rows(stored, "wyckoff_phases")["NEW"]["regime"] == "UNKNOWN"
    write(stored, [SESSIONS[-41]])
    assert rows(stored, "universe_technicals", SESSIONS[-41])["OLD"]["bars"] == 260
    assert "NEW" not in rows(stored, "universe_technicals", SESSIONS[-41])


def test_sound_names_are_as_they_are_without_the_others(stored: sa.Engine) -> None:
    beside = {table: {name: rows(stored, table).get(name) for name in ("SOUND", "SPY")} for table in TABLES}
    with stored.begin() as connection:
        others = "(SELECT ticker_id FROM tickers WHERE symbol NOT IN ('SOUND', 'SPY'))"
        connection.execute(sa.text(f"DELETE FROM ohlcv WHERE ticker_id IN {others}"))
    write(stored, [LAST])
    for table in TABLES:
        assert {name: rows(stored, table).get(name) for name in ("SOUND", "SPY")} == beside[table]
        assert set(rows(stored, table)) <= {"SOUND", "SPY"}
    assert beside["technical_indicators"]["SOUND"] is not None


def test_a_bar_that_cannot_be_read_is_the_only_doubt(stored: sa.Engine) -> None:
    judges = (
        technicals.every_bar_in_universe, technicals.universe_values, technicals.every_watched_bar,
        technicals.indicator_values, technicals.all_outputs, wyckoff.events_are_causal, wyckoff.every_watched_bar,
        wyckoff.phase_values, wyckoff.one_model,
    )  # fmt: skip
    with stored.connect() as connection:
        verdicts = [judge(connection, SESSIONS[-3:]) for judge in judges]
    doubts = [verdict.offenders for verdict in verdicts if not verdict.passed]
    assert doubts == [{LAST.isoformat(): "TORN"}] * 2
