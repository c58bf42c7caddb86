"""Portfolios: the names that users follow, and how much each matters. Reads and writes."""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_resources.errors import KapmanError
from kapman_resources.schema import portfolio_tickers, portfolios, tickers
from kapman_ui.queries.marking import depends_on

PRIORITIES = ("P1", "P2")
NAME_LENGTH = 80


@depends_on(portfolios, portfolio_tickers)
def overview(connection: sa.Connection) -> pd.DataFrame:
    """`portfolio_id`, `name`, `description`, how many `p1` and `p2` names, by name."""
    count = [
        sa.func.count(portfolio_tickers.c.ticker_id).filter(portfolio_tickers.c.priority == priority).label(label)
        for priority, label in (("P1", "p1"), ("P2", "p2"))
    ]
    query = (
        sa.select(portfolios.c.portfolio_id, portfolios.c.name, portfolios.c.description, *count)
        .outerjoin(portfolio_tickers, portfolio_tickers.c.portfolio_id == portfolios.c.portfolio_id)
        .group_by(portfolios.c.portfolio_id)
        .order_by(portfolios.c.name)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(portfolio_tickers, tickers)
def members(connection: sa.Connection, portfolio_id: int) -> pd.DataFrame:
    """`symbol`, `name`, `sector`, `priority` of a portfolio's names, P1 first."""
    query = (
        sa.select(tickers.c.symbol, tickers.c.name, tickers.c.sector, portfolio_tickers.c.priority)
        .join(tickers, tickers.c.ticker_id == portfolio_tickers.c.ticker_id)
        .where(portfolio_tickers.c.portfolio_id == portfolio_id)
        .order_by(portfolio_tickers.c.priority, tickers.c.symbol)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def create(connection: sa.Connection, name: str, description: str | None) -> int:
    """Make a portfolio; its id.

    Raises:
        KapmanError: the name is empty, too long or taken.
    """
    _require_free(connection, name)
    values = {"name": name.strip(), "description": description or None}
    identity: int = connection.scalar(sa.insert(portfolios).values(values).returning(portfolios.c.portfolio_id))
    return identity


def rename(connection: sa.Connection, portfolio_id: int, name: str) -> None:
    """Call a portfolio something else.

    Raises:
        KapmanError: the name is empty, too long or taken.
    """
    _require_free(connection, name, but=portfolio_id)
    connection.execute(
        sa.update(portfolios)
        .where(portfolios.c.portfolio_id == portfolio_id)
        .values(name=name.strip(), updated_at=sa.func.now())
    )


def delete(connection: sa.Connection, portfolio_id: int) -> None:
    """Delete a portfolio; the names in it stay, in other portfolios and in the market."""
    connection.execute(sa.delete(portfolios).where(portfolios.c.portfolio_id == portfolio_id))


def put(connection: sa.Connection, portfolio_id: int, priorities: Mapping[str, str]) -> list[str]:
    """Add names to a portfolio, or change the priority of those in it.

    Args:
        connection: in a transaction.
        portfolio_id: the portfolio.
        priorities: P1 or P2 by symbol, in the vendor's case.

    Returns:
        Symbols that the warehouse does not know; they are left out.

    Raises:
        KapmanError: a priority is neither.
    """
    if wrong := {f"{symbol} {priority}" for symbol, priority in priorities.items() if priority not in PRIORITIES}:
        raise KapmanError(f"A priority is P1 or P2, not as in {', '.join(sorted(wrong))}.")
    query = sa.select(tickers.c.symbol, tickers.c.ticker_id).where(tickers.c.symbol.in_(priorities))
    ids: dict[str, int] = dict(connection.execute(query).all())
    if ids:
        rows = [
            {"portfolio_id": portfolio_id, "ticker_id": ids[symbol], "priority": priorities[symbol]} for symbol in ids
        ]
        statement = insert(portfolio_tickers).values(rows)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["portfolio_id", "ticker_id"], set_={"priority": statement.excluded.priority}
            )
        )
    return sorted(set(priorities) - set(ids))


def add(connection: sa.Connection, portfolio_id: int, symbols: Collection[str], priority: str) -> int:
    """Put names into a portfolio; those that are in it stay as they are.

    Args:
        connection: in a transaction.
        portfolio_id: of the portfolio.
        symbols: as the vendor writes them; unknown ones are left out.
        priority: P1 or P2.

    Returns:
        How many names are new in it.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such portfolio or priority.
    """
    chosen = sa.select(sa.literal(portfolio_id), tickers.c.ticker_id, sa.literal(priority)).where(
        tickers.c.symbol.in_(list(symbols))
    )
    statement = insert(portfolio_tickers).from_select(["portfolio_id", "ticker_id", "priority"], chosen)
    added = statement.on_conflict_do_nothing().returning(portfolio_tickers.c.ticker_id)
    return len(connection.execute(added).all())


def take_out(connection: sa.Connection, portfolio_id: int, symbols: Sequence[str]) -> None:
    """Remove names from a portfolio."""
    ids = sa.select(tickers.c.ticker_id).where(tickers.c.symbol.in_(symbols))
    connection.execute(
        sa.delete(portfolio_tickers).where(
            portfolio_tickers.c.portfolio_id == portfolio_id, portfolio_tickers.c.ticker_id.in_(ids)
        )
    )


def _require_free(connection: sa.Connection, name: str, *, but: int | None = None) -> None:
    if not 0 < len(name.strip()) <= NAME_LENGTH:
        raise KapmanError(f"A portfolio's name has 1 to {NAME_LENGTH} characters.")
    query = sa.select(portfolios.c.portfolio_id).where(portfolios.c.name == name.strip())
    if connection.scalar(query.where(portfolios.c.portfolio_id != but) if but is not None else query) is not None:
        raise KapmanError(f"There is a portfolio called {name.strip()!r} already.")
