"""What the panel asks of its users' own tables, and what it writes to them."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_resources.schema import portfolio_tickers, portfolios, tickers, user_settings
from kapman_ui.queries.marking import depends_on


@dataclass(frozen=True)
class Settings:
    """A trader's own numbers.

    Attributes:
        equity: account value, USD; None if not said.
        risk_fraction: share of it that a trade may lose at its stop, decimal.
        stop_atr: distance of a stop, average true ranges.
        alert_sound: whether a CRITICAL alert makes a sound.
    """

    equity: float | None = None
    risk_fraction: float = 0.01
    stop_atr: float = 2.0
    alert_sound: bool = False


@depends_on(user_settings)
def settings(connection: sa.Connection, user_id: str) -> Settings:
    """What a user has set, or what holds for one who has not."""
    c = user_settings.c
    query = sa.select(c.equity, c.risk_fraction, c.stop_atr, c.alert_sound).where(c.user_id == user_id)
    row = connection.execute(query).one_or_none()
    return Settings() if row is None else Settings(*row)


def save_settings(connection: sa.Connection, user_id: str, chosen: Settings) -> None:
    """Keep a user's settings.

    Raises:
        sqlalchemy.exc.IntegrityError: a number is out of its range.
    """
    values = {
        "equity": chosen.equity,
        "risk_fraction": chosen.risk_fraction,
        "stop_atr": chosen.stop_atr,
        "alert_sound": chosen.alert_sound,
        "updated_at": sa.func.now(),
    }
    statement = insert(user_settings).values(user_id=user_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))


@depends_on(portfolios)
def portfolio_names(connection: sa.Connection) -> pd.DataFrame:
    """Every portfolio, by name: `portfolio_id`, `name`."""
    query = sa.select(portfolios.c.portfolio_id, portfolios.c.name).order_by(portfolios.c.name)
    return pd.DataFrame(connection.execute(query).all(), columns=["portfolio_id", "name"])


def add_to_portfolio(connection: sa.Connection, portfolio_id: int, symbols: Collection[str], priority: str) -> int:
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
