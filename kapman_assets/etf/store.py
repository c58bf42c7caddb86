"""ETF features of sessions: stored bars in, rows of one table out. Plain SQL, no Dagster.

What a column means is in `columns`; rows of a range are those that each session has alone (see `look_back`).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import sqlalchemy as sa

from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.look_back import first_day_seen
from kapman_assets.market.bar_tables import BarTable, read_bars, read_splits
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import etf_features as features_table
from kapman_resources.schema import tickers
from kapman_resources.sessions import sessions_between

BENCHMARK = "SPY"
"""What strength, beta and correlation are against; where it has no bar they are unknown."""

_OF_PANEL = ("high", "low", "close", "volume")


def write_features(engine: sa.Engine, sessions: Sequence[date], universe: Sequence[str]) -> dict[date, int]:
    """Replace the features of some sessions, in one transaction; rows written by session.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
        universe: symbols. One without a bar in a session has rows that say so; one that the warehouse has never seen
            (`unknown_symbols`) has none.
    """
    with engine.connect() as connection:
        wanted = [*universe, BENCHMARK]
        ids = _ticker_ids(connection, wanted)
        splits = read_splits(connection)
        bars = read_bars(connection, first_day_seen(sessions[0]), sessions[-1], watched=False, also=wanted)
    symbols = [symbol for symbol in universe if symbol in ids]
    panel = _panel(bars.adjusted(splits, sessions[-1]), ids, symbols, sessions)
    known_later = {symbol: splits.between(ids[symbol], sessions[0], sessions[-1]) for symbol in symbols}
    rows = etf_features(panel, len(sessions), known_later)
    frame = rows.assign(
        date=rows["session"].dt.date,
        ticker_id=rows["symbol"].map(ids).astype("Int64"),
        z_values=rows["z_values"].astype("Int64"),
    )
    columns = [column.name for column in features_table.columns]
    with engine.begin() as connection:
        connection.execute(sa.delete(features_table).where(features_table.c.date.in_(sessions)))
        copy_csv(driver_connection(connection), features_table.name, frame, columns)
    return dict.fromkeys(sessions, len(frame) // len(sessions))


def unknown_symbols(engine: sa.Engine, universe: Sequence[str]) -> list[str]:
    """Symbols of the universe that no day's bars, reference or watchlist has named."""
    with engine.connect() as connection:
        known = _ticker_ids(connection, universe)
    return [symbol for symbol in universe if symbol not in known]


def _ticker_ids(connection: sa.Connection, symbols: Sequence[str]) -> dict[str, int]:
    query = sa.select(tickers.c.symbol, tickers.c.ticker_id).where(tickers.c.symbol.in_(symbols))
    return dict(connection.execute(query).all())


def _panel(bars: BarTable, ids: Mapping[str, int], symbols: Sequence[str], sessions: Sequence[date]) -> Panel:
    """The bars on all sessions from the first stored one, or the first asked one, on."""
    first = min(bars.date.min().item(), sessions[0]) if len(bars) else sessions[0]
    days = sessions_between(first, sessions[-1])
    by_day = np.searchsorted(np.array(days, dtype="datetime64[D]"), bars.date)
    rows = {ticker_id: row for row, ticker_id in enumerate(ids.values())}
    by_name = [rows[ticker_id] for ticker_id in bars.ticker_id.tolist()]
    values = {name: np.full((len(ids), len(days)), np.nan) for name in _OF_PANEL}
    for name, matrix in values.items():
        matrix[by_name, by_day] = getattr(bars, name)
    has_benchmark = BENCHMARK in ids
    benchmark = values["close"][rows[ids[BENCHMARK]]] if has_benchmark else np.full(len(days), np.nan)
    places = [rows[ids[symbol]] for symbol in symbols]
    return Panel(
        symbols=symbols,
        sessions=days,
        **{name: matrix[places] for name, matrix in values.items()},
        benchmark=benchmark,
    )
