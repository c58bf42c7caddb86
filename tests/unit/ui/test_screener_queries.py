"""Queries of the screener on a real table, against Python's own comparisons."""

import math

import pytest
import sqlalchemy as sa

from kapman_assets.rules.errors import RuleError
from kapman_resources.schema import universe_technicals
from kapman_ui.queries import screener
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import SCREENED, fill_screener


@pytest.fixture
def stored(engine: sa.Engine) -> sa.Engine:
    fill_screener(engine)
    return engine


def test_every_number_column_can_be_asked(stored: sa.Engine) -> None:
    told = {column.name for column in universe_technicals.columns} - {"date", "ticker_id"}
    assert set(screener.COLUMNS) == told
    with stored.connect() as connection:
        for column in screener.COLUMNS:
            assert screener.counts(connection, SESSION, (f"{column} > 0",)).total == len(SCREENED)


def test_counts_are_of_the_session_and_keep_the_unknown_apart(stored: sa.Engine) -> None:
    conditions = ("rsi_14 < 60", "close > sma_200 or close == sma_200")
    with stored.connect() as connection:
        assert screener.newest(connection) == SESSION
        found = screener.counts(connection, SESSION, conditions)
        nothing = screener.counts(connection, SESSION, ())
    assert found == screener.Counts(total=4, each=(2, 2), every=1, unknown=1)
    assert nothing == screener.Counts(total=4, each=(), every=4, unknown=0)


@pytest.mark.parametrize("descending", [True, False])
def test_matches_are_ordered_with_the_unknown_last(stored: sa.Engine, descending: bool) -> None:
    with stored.connect() as connection:
        found = screener.matches(connection, SESSION, (), order="rsi_14", descending=descending, limit=None)
        two = screener.matches(connection, SESSION, (), order="rsi_14", descending=descending, limit=2)
    known = sorted(("LOW", "EVEN", "HIGH"), key=lambda name: SCREENED[name]["rsi_14"] or 0, reverse=descending)
    assert found["symbol"].tolist() == [*known, "NEW"]
    assert two["symbol"].tolist() == known[:2]
    assert math.isnan(found["rsi_14"].iloc[-1])


def test_matches_meet_all_conditions(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = screener.matches(
            connection, SESSION, ("rsi_14 > 30", "not (close < 105)"), order="close", descending=True, limit=9
        )
    assert found["symbol"].tolist() == ["HIGH"]
    assert found["close"].tolist() == [110.0]


def test_what_cannot_be_asked_is_said(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        with pytest.raises(RuleError, match="nearest is rsi_14") as told:
            screener.counts(connection, SESSION, ("close > 1 and rsi_15 < 3",))
        assert told.value.position == len("close > 1 and ")
        with pytest.raises(RuleError, match="session before"):
            screener.counts(connection, SESSION, ("cross_above(close, sma_50)",))
        with pytest.raises(KeyError):
            screener.matches(connection, SESSION, (), order="symbol; DROP TABLE x", descending=True, limit=1)
