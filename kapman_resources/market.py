"""Which market a database holds, and the guard against mixing two.

The first write claims the database for its kind of market; every later run and the panel check the claim.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_resources.errors import ConfigurationError
from kapman_resources.schema import market
from kapman_resources.settings import MarketKind


def claim_market(connection: sa.Connection, kind: MarketKind, source: str) -> None:
    """Record that this database holds `kind`, or make sure that it does.

    Args:
        connection: an open transaction; the claim is part of it.
        kind: the market about to be written.
        source: where its data comes from, without credentials, for the error of a later mix.

    Raises:
        ConfigurationError: the database holds another kind of market.
    """
    connection.execute(insert(market).values(kind=kind, source=source).on_conflict_do_nothing())
    held = held_market(connection)
    if held is not None and held[0] is not kind:
        raise ConfigurationError(
            f"This database holds a {held[0]} market (from {held[1]}), and the configuration points at a {kind} one "
            f"({source}). Use another database (KAPMAN_HOME or DATABASE_URL) for it, or set FLATFILES_URL back."
        )


def held_market(connection: sa.Connection) -> tuple[MarketKind, str] | None:
    """The kind of market in this database and its first source; None while it is empty."""
    row = connection.execute(sa.select(market.c.kind, market.c.source)).one_or_none()
    return None if row is None else (MarketKind(row.kind), row.source)
