"""Portfolios by the panel's own rights: made, named, filled, emptied, deleted, and what is refused."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.errors import KapmanError
from kapman_resources.panel_role import panel_engine
from kapman_ui.queries import portfolios
from tests.unit.ui.markets import names


@pytest.fixture
def own(engine: sa.Engine, warehouse_url: str) -> Iterator[sa.Engine]:
    """The panel's engine on a warehouse with names and two portfolios."""
    names(engine, "AAPL", "MSFT", "BRK.B")
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.portfolios), [{"name": "MINE"}, {"name": "ALSO"}])
    of_panel = panel_engine(warehouse_url)
    yield of_panel
    of_panel.dispose()


def test_names_join_a_portfolio_once(own: sa.Engine) -> None:
    with own.begin() as connection:
        found = portfolios.overview(connection)
        assert found["name"].tolist() == ["ALSO", "MINE"]
        mine = int(found["portfolio_id"].iloc[1])
        assert portfolios.add(connection, mine, ["AAPL", "BRK.B"], "P1") == 2
        assert portfolios.add(connection, mine, ["AAPL", "MSFT", "NOSUCH'; --"], "P2") == 1
        held = (
            sa.select(schema.tickers.c.symbol, schema.portfolio_tickers.c.priority)
            .join(schema.tickers, schema.tickers.c.ticker_id == schema.portfolio_tickers.c.ticker_id)
            .where(schema.portfolio_tickers.c.portfolio_id == mine)
        )
        assert dict(connection.execute(held).all()) == {"AAPL": "P1", "BRK.B": "P1", "MSFT": "P2"}


def test_a_portfolio_is_made_named_filled_emptied_and_deleted(own: sa.Engine) -> None:
    with own.begin() as connection:
        new = portfolios.create(connection, "  Mine, too ", "")
        portfolios.rename(connection, new, "<b>Mine</b>")
        assert portfolios.put(connection, new, {"AAPL": "P1", "MSFT": "P2", "aapl": "P1"}) == ["aapl"]
        assert portfolios.put(connection, new, {"MSFT": "P1"}) == []
        held = portfolios.members(connection, new)
        assert held[["symbol", "priority"]].values.tolist() == [["AAPL", "P1"], ["MSFT", "P1"]]
        portfolios.take_out(connection, new, ["AAPL"])
        found = portfolios.overview(connection).set_index("portfolio_id")
        assert found.loc[new, ["name", "description", "p1", "p2"]].tolist() == ["<b>Mine</b>", None, 1, 0]
        portfolios.delete(connection, new)
        assert new not in portfolios.overview(connection)["portfolio_id"].tolist()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "ALSO", " ALSO "])
def test_a_name_that_is_none_or_taken_is_refused(own: sa.Engine, name: str) -> None:
    with own.begin() as connection, pytest.raises(KapmanError, match=r"1 to 80|already"):
        portfolios.create(connection, name, None)


def test_a_portfolio_keeps_its_own_name_and_takes_no_others(own: sa.Engine) -> None:
    with own.begin() as connection:
        mine = int(portfolios.overview(connection)["portfolio_id"].iloc[1])
        portfolios.rename(connection, mine, "MINE")
        with pytest.raises(KapmanError, match="already"):
            portfolios.rename(connection, mine, "ALSO")


def test_a_priority_is_one_of_two(own: sa.Engine) -> None:
    with own.begin() as connection, pytest.raises(KapmanError, match="AAPL P3"):
        portfolios.put(connection, 1, {"AAPL": "P3"})
