"""Queries of the ETF panel, against what was put into the tables and a recomputation in pandas."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.rules.errors import RuleError
from kapman_ui.queries import etf
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import ETF_SESSIONS, Z, close_of, fill_etf


@pytest.fixture
def stored(engine: sa.Engine) -> sa.Engine:
    fill_etf(engine)
    return engine


def test_grid_is_the_newest_session_with_the_benchmark_left_out_of_breadth(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = etf.grid(connection, "60D", -1.0, 1.0)
    assert found.session == SESSION
    signals = dict(found.rows[["symbol", "signal"]].to_numpy().tolist())
    assert signals == {"SPY": "HOLD", "XLBUY": "BUY", "XLHOLD": "HOLD", "XLSELL": "SELL", "XLNEW": None}
    assert dict(found.breadth) == {"buy": 1, "sell": 1, "hold": 1, "unknown": 1, "total": 4}


def test_history_ends_with_the_session_and_has_its_closes(stored: sa.Engine) -> None:
    middle = ETF_SESSIONS[40]
    with stored.connect() as connection:
        found = etf.history(connection, "XLBUY", "20D", middle, count=10)
    assert found["date"].tolist() == ETF_SESSIONS[31:41]
    assert found["close"].tolist() == [close_of("XLBUY", day) for day in ETF_SESSIONS[31:41]]
    assert found["composite_z"].notna().all()


def test_edge_is_what_followed(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        past = etf.history(connection, "XLBUY", "60D", SESSION)
        found = etf.edge(connection, "XLBUY", "z <= 0", 5, SESSION, horizon="60D")
    returns = past["close"].shift(-5) / past["close"] - 1
    after = returns[(past["composite_z"] <= 0) & returns.notna()]
    assert found.events.n == len(after)
    assert found.events.mean == pytest.approx(float(after.mean()), rel=1e-12)
    assert found.base.mean == pytest.approx(float(returns.mean()), rel=1e-12)
    assert found.pending == int((past["composite_z"].tail(5) <= 0).sum())


def test_a_rule_that_cannot_be_read_is_told_at_its_character(stored: sa.Engine) -> None:
    with stored.connect() as connection, pytest.raises(RuleError) as told:
        etf.edge(connection, "XLBUY", "z <= 0 and zz > 1", 5, SESSION, horizon="60D")
    assert told.value.position == len("z <= 0 and ")


def test_a_name_without_a_composite_has_an_unknown_history(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        newest = etf.history(connection, "XLNEW", "60D", SESSION, count=1)
    pd.testing.assert_series_equal(newest["composite_z"], pd.Series([np.nan], name="composite_z"))
    assert set(Z) == {"SPY", "XLBUY", "XLHOLD", "XLSELL", "XLNEW"}
