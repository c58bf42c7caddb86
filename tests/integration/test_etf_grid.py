"""The newest session as a trader sees it, against what was put into the tables."""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.etf.breadth import ThresholdError
from kapman_assets.etf.columns import COLUMNS, COMPONENTS, HORIZONS
from kapman_assets.etf.grid import SPARK_DAYS, HorizonError, latest_grid, liquidity
from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between

LAST = date(2026, 7, 8)
SESSIONS = sessions_between(session_offset(LAST, -99), LAST)
SPLIT = LAST
"""XLSPLIT splits 3:1 between its last two bars."""
HALTED_SINCE = session_offset(LAST, -2)
"""XLHALT has bars up to here, and no composite afterwards."""
Z = {"XLBUY": -1.0, "XLSELL": 1.5, "XLHOLD": 0.999, "XLSPLIT": -1.3, "XLHALT": math.nan, "SPY": 1.0}
VOLUMES = {"XLBUY": 500e6, "XLSELL": 499e6, "XLHOLD": 100e6, "XLSPLIT": 99e6, "XLHALT": math.nan, "SPY": 9e9}


def has_bar(symbol: str, day: date) -> bool:
    return symbol != "XLHALT" or day <= HALTED_SINCE


@pytest.fixture
def chosen() -> pd.DataFrame:
    """Rows of features; those of the last session at 60D are as chosen above."""
    rng = np.random.default_rng(7)
    rows = []
    for day in SESSIONS:
        for symbol, z in Z.items():
            for horizon in HORIZONS:
                row = dict(zip(COLUMNS, rng.normal(size=len(COLUMNS)).tolist(), strict=True)) | {"z_values": 60}
                if not has_bar(symbol, day):
                    row = dict.fromkeys(COLUMNS, math.nan) | {"z_values": 0}
                if (day, horizon) == (LAST, "60D"):
                    row |= {"composite_z": z, "vol_dollar_20d": VOLUMES[symbol]}
                reasons = {name: "NO_BAR" for name, value in row.items() if math.isnan(value)}
                rows.append({"date": day, "symbol": symbol, "horizon": horizon, **row, "null_reasons": reasons})
    return pd.DataFrame(rows)


def price(symbol: str, day: date) -> float:
    """As traded: a split by three before the last session."""
    as_today = 50 + SESSIONS.index(day) + 7 * list(Z).index(symbol)
    return as_today * (3.0 if symbol == "XLSPLIT" and day < SPLIT else 1.0)


@pytest.fixture
def stored(engine: sa.Engine, chosen: pd.DataFrame) -> sa.Engine:
    """Features and bars; a name that left the universe, one that never was in it, and a split that is to come."""
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], SESSIONS)
    bar = {"volume": 9, "source": "flatfile"}
    with engine.begin() as connection:
        names = [{"symbol": symbol, "name": f"{symbol} fund"} for symbol in [*Z, "XLGONE", "AAPL"]]
        connection.execute(sa.insert(schema.tickers), names)
        ids = dict(connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all())
        connection.execute(
            sa.insert(schema.ohlcv),
            [
                {"ticker_id": ids[symbol], "date": day, **bar}
                | dict.fromkeys(("open", "high", "low", "close"), price(symbol, day))
                for symbol in Z
                for day in SESSIONS
                if has_bar(symbol, day)
            ],
        )
        rows = [
            {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
            for row in chosen.to_dict("records")
        ]
        gone = {**rows[0], "date": SESSIONS[-5], "symbol": "XLGONE"}
        connection.execute(
            sa.insert(schema.etf_features),
            [
                {name: value for name, value in row.items() if name != "symbol"}
                | {"ticker_id": ids[row["symbol"]], "pipeline_version": "by hand"}
                for row in [*rows, gone]
            ],
        )
        coming = LAST + timedelta(days=5)
        of_split = {"ticker_id": ids["XLSPLIT"], "split_from": 1}
        connection.execute(
            sa.insert(schema.splits),
            [
                {**of_split, "execution_date": executed, "split_to": to, "applies_from": since, "price_factor": factor}
                for executed, to, since, factor in ((SPLIT, 3, date.min, 1 / 6), (coming, 2, SPLIT, 1 / 2))
            ],
        )
    return engine


def test_rows_are_those_of_the_last_session(stored: sa.Engine, chosen: pd.DataFrame) -> None:
    with stored.connect() as connection:
        grid = latest_grid(connection)
    of_last = chosen[(chosen["date"] == LAST) & (chosen["horizon"] == "60D")].sort_values("symbol")

    assert grid.session == LAST
    assert grid.rows["symbol"].tolist() == sorted(Z)
    assert grid.rows["name"].tolist() == [f"{symbol} fund" for symbol in sorted(Z)]
    expected = of_last[list(COLUMNS)].astype(float).reset_index(drop=True)
    pd.testing.assert_frame_equal(grid.rows[list(COLUMNS)], expected)
    assert {component.contribution for component in COMPONENTS} <= set(grid.rows)
    assert grid.rows["null_reasons"].tolist() == of_last["null_reasons"].tolist()


def test_closes_are_the_last_two_in_the_shares_of_the_session(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        rows = latest_grid(connection).rows.set_index("symbol")
    for symbol, row in rows.iterrows():
        own = [day for day in SESSIONS if has_bar(str(symbol), day)]
        # In today's shares the prices are a plain ramp, and a split that is to come says nothing.
        last = 50 + SESSIONS.index(own[-1]) + 7 * list(Z).index(str(symbol))
        assert row["close"] == pytest.approx(last, rel=1e-12)
        assert row["previous_close"] == pytest.approx(last - 1, rel=1e-12)
        assert row["change"] == pytest.approx(1 / (last - 1), rel=1e-9)
        assert row["close_date"] == own[-1]
    assert rows.loc["XLHALT", "close_date"] == HALTED_SINCE


def test_signals_breadth_and_liquidity_follow_their_thresholds(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        grid = latest_grid(connection)
        wide = latest_grid(connection, buy=-1.2, sell=1.4)
    assert dict(grid.rows[["symbol", "signal"]].to_numpy().tolist()) == {
        "XLBUY": "BUY", "XLSELL": "SELL", "XLHOLD": "HOLD", "XLSPLIT": "BUY", "XLHALT": None, "SPY": "SELL",
    }  # fmt: skip
    assert grid.breadth == {"buy": 2, "sell": 1, "hold": 1, "unknown": 1, "total": 5}
    assert wide.breadth == {"buy": 1, "sell": 1, "hold": 2, "unknown": 1, "total": 5}
    assert wide.rows.set_index("symbol")["signal"]["XLBUY"] == "HOLD"
    assert dict(grid.rows[["symbol", "liquidity"]].to_numpy().tolist()) == {
        "XLBUY": "A", "XLSELL": "B", "XLHOLD": "B", "XLSPLIT": "C", "XLHALT": None, "SPY": "A",
    }  # fmt: skip
    assert liquidity(0.0) == "C"


@pytest.mark.parametrize("horizon", HORIZONS)
def test_sparks_are_the_composites_of_twelve_weeks(stored: sa.Engine, chosen: pd.DataFrame, horizon: str) -> None:
    with stored.connect() as connection:
        sparks = latest_grid(connection, horizon).sparks
    days = [day for day in SESSIONS if (LAST - day).days <= SPARK_DAYS]

    assert sparks.index.tolist() == days
    assert sorted(sparks) == sorted(Z), "a name that left the universe has no row to stand beside"
    for symbol in Z:
        own = chosen[(chosen["symbol"] == symbol) & (chosen["horizon"] == horizon) & chosen["date"].isin(days)]
        np.testing.assert_array_equal(sparks[symbol], own["composite_z"])


def test_without_features_the_grid_is_empty(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        grid = latest_grid(connection)
    assert grid.session is None
    assert grid.rows.empty
    assert {"symbol", "signal", "close", *COLUMNS} <= set(grid.rows)
    assert grid.sparks.empty
    assert grid.breadth == {"buy": 0, "sell": 0, "hold": 0, "unknown": 0, "total": 0}


def test_without_bars_prices_are_unknown(stored: sa.Engine) -> None:
    with stored.begin() as connection:
        connection.execute(sa.delete(schema.ohlcv))
        rows = latest_grid(connection).rows
    assert rows[["close", "previous_close", "change"]].isna().all(axis=None)
    assert rows["close_date"].tolist() == [None] * len(Z)


def test_what_cannot_be_asked_is_said(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(HorizonError, match="no horizon '90D'; there are 20D, 60D, 252D"):
            latest_grid(connection, "90D")
        with pytest.raises(ThresholdError, match="buy below sell"):
            latest_grid(connection, buy=1.0, sell=-1.0)
