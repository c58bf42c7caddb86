"""Identity of tickers, their splits and the first portfolios, written to the warehouse. Plain SQL, no Dagster.

Takes the vendor's reference rows as they came and the watchlist file; fetching them is the client's work.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.market.ohlcv_store import lock_for_writing
from kapman_assets.market.split_factors import SplitRows
from kapman_resources.database import driver_connection
from kapman_resources.errors import PermanentError
from kapman_resources.schema import portfolio_tickers, portfolios, splits, tickers
from kapman_resources.watchlist import WatchedTicker

_REFERENCE_FIELDS = ("ticker", "name", "type", "primary_exchange", "cik", "composite_figi")

_MERGE_REFERENCE = """
INSERT INTO tickers (symbol, name, type, primary_exchange, cik, composite_figi, is_active, delisted_on)
SELECT DISTINCT ON (symbol) symbol, name, type, primary_exchange, cik, composite_figi, is_active, delisted_on
FROM incoming
-- A symbol that was given out again: the living name, else the last to be delisted.
ORDER BY symbol, is_active DESC, delisted_on DESC NULLS LAST
ON CONFLICT (symbol) DO UPDATE SET
    name = coalesce(excluded.name, tickers.name),
    type = coalesce(excluded.type, tickers.type),
    primary_exchange = coalesce(excluded.primary_exchange, tickers.primary_exchange),
    cik = coalesce(excluded.cik, tickers.cik),
    composite_figi = coalesce(excluded.composite_figi, tickers.composite_figi),
    is_active = excluded.is_active,
    delisted_on = excluded.delisted_on,
    universe_tier = CASE tickers.universe_tier WHEN 'custom' THEN 'polygon_full' ELSE tickers.universe_tier END
"""


@dataclass(frozen=True)
class WatchlistReport:
    """What became of the watchlist file: its symbols, those that are delisted or known to nobody, new portfolios."""

    symbols: int
    not_active: tuple[str, ...]
    created_portfolios: tuple[str, ...]


def store_reference(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Merge the vendor's ticker rows (active and delisted) into `tickers`, in the caller's transaction.

    Known facts are not lost where a row leaves a field out. Nothing is deleted.
    """
    lock_for_writing(connection)
    connection.execute(
        sa.text("""
            CREATE TEMPORARY TABLE incoming (
                symbol text, name text, type text, primary_exchange text, cik text, composite_figi text,
                is_active boolean, delisted_on date
            ) ON COMMIT DROP""")
    )
    with driver_connection(connection).cursor().copy("COPY incoming FROM STDIN") as copy:
        for row in rows:
            if not row.get("ticker"):
                continue
            delisted = row.get("delisted_utc")
            facts = [row.get(name) for name in _REFERENCE_FIELDS]
            copy.write_row([*facts, bool(row.get("active", True)), delisted[:10] if delisted else None])
    connection.execute(sa.text(_MERGE_REFERENCE))


def store_watchlist(
    connection: sa.Connection, watched: Sequence[WatchedTicker], *, has_reference: bool
) -> WatchlistReport:
    """Make sure of the watchlist's tickers, and create portfolios that do not exist yet.

    The option chains of a portfolio's names are taken from the moment on in which they are put into it (trigger
    `follow_members`). A portfolio that exists is its user's: nothing in it is added, taken away or switched.

    Args:
        connection: an open transaction.
        watched: the file's lines.
        has_reference: whether a reference was merged before; a name it does not know is then not active.
    """
    lock_for_writing(connection)
    symbols = sorted({entry.symbol for entry in watched})
    known = set(connection.scalars(sa.select(tickers.c.symbol).where(tickers.c.symbol.in_(symbols))))
    unknown = [symbol for symbol in symbols if symbol not in known]
    if unknown:
        rows = [{"symbol": s, "universe_tier": "custom", "is_active": not has_reference} for s in unknown]
        connection.execute(sa.insert(tickers), rows)
    if sectors := {entry.symbol: entry.sector for entry in watched if entry.sector}:
        connection.execute(
            sa.update(tickers).where(tickers.c.symbol == sa.bindparam("of")).values(sector=sa.bindparam("to")),
            [{"of": symbol, "to": sector} for symbol, sector in sectors.items()],
        )
    ids = dict(connection.execute(sa.select(tickers.c.symbol, tickers.c.ticker_id)).all())
    created = []
    for name in dict.fromkeys(entry.portfolio for entry in watched):
        new = connection.scalar(
            insert(portfolios)
            .values(name=name, description="From the watchlist file.")
            .on_conflict_do_nothing()
            .returning(portfolios.c.portfolio_id)
        )
        if new is not None:
            created.append(name)
            members = [entry for entry in watched if entry.portfolio == name]
            connection.execute(
                sa.insert(portfolio_tickers),
                [{"portfolio_id": new, "ticker_id": ids[e.symbol], "priority": e.priority} for e in members],
            )
    dead = connection.scalars(
        sa.select(tickers.c.symbol)
        .where(
            tickers.c.symbol.in_(symbols),
            sa.not_(tickers.c.is_active) | (tickers.c.universe_tier == "custom"),
        )
        .order_by(tickers.c.symbol)
    )
    return WatchlistReport(len(symbols), tuple(dead), tuple(created))


def split_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The vendor's split rows (either endpoint) as the frame that `split_factors.with_factors` takes."""
    fields = {
        "ticker": "symbol",
        "execution_date": "execution_date",
        "split_from": "split_from",
        "split_to": "split_to",
        "historical_adjustment_factor": "vendor_factor",
    }
    return pd.DataFrame(list(rows), columns=list(fields)).rename(columns=fields)


def store_splits(connection: sa.Connection, cleaned: SplitRows) -> tuple[int, tuple[str, ...]]:
    """Replace `splits`, in the caller's transaction.

    Returns:
        Rows stored, and the symbols left out because no ticker has them.

    Raises:
        PermanentError: the vendor sent no split although some are stored.
    """
    lock_for_writing(connection)
    stored = connection.scalar(sa.select(sa.func.count()).select_from(splits)) or 0
    if stored and cleaned.rows.empty:
        raise PermanentError(
            f"The reference sent no split at all, and {stored:,} are stored; they stand. "
            "Check the answer of /stocks/v1/splits before running splits again."
        )
    ids = dict(connection.execute(sa.select(tickers.c.symbol, tickers.c.ticker_id)).all())
    rows = cleaned.rows.assign(ticker_id=cleaned.rows["symbol"].map(ids))
    missing = tuple(sorted(set(rows.loc[rows["ticker_id"].isna(), "symbol"])))
    columns = [column.name for column in splits.columns]
    known = rows.dropna(subset="ticker_id").astype({"ticker_id": int})[columns].astype(object)
    connection.execute(sa.delete(splits))
    if len(known):
        rows_of = known.replace({np.nan: None}).itertuples(index=False)
        connection.execute(sa.insert(splits), [dict(zip(columns, row, strict=True)) for row in rows_of])
    return len(known), missing
