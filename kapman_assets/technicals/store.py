"""Technicals of sessions: stored bars in, rows of two tables out. Plain SQL, no Dagster.

The sessions of a call see the same past that each of them sees alone (see `history`); what a column means is in the
modules of the indicators.
"""

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa

from kapman_assets.market.bar_tables import BarTable, Splits, read_bars, read_splits
from kapman_assets.options.price import historical_volatility, volatility_regime
from kapman_assets.technicals.bars import Bars
from kapman_assets.technicals.history import SessionRow, history_start, session_rows
from kapman_assets.technicals.universe import BY_SESSIONS, OF_OWN_BARS, Panel, universe_technicals
from kapman_resources import partitioning
from kapman_resources.binary_copy import Kind, copy_frame
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import technical_indicators
from kapman_resources.schema import universe_technicals as universe_table
from kapman_resources.sessions import sessions_between

_PRICES = ("open", "high", "low", "close", "volume")
_HV = 20

_UNIVERSE_KINDS: dict[str, Kind] = {
    "date": "date",
    "ticker_id": "int4",
    "bars": "int4",
    **dict.fromkeys((*OF_OWN_BARS, *BY_SESSIONS), "float8"),
}


def write_universe(engine: sa.Engine, sessions: Sequence[date]) -> dict[date, int]:
    """Replace the screener's rows of some sessions, each session in a transaction; rows written by session.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
    """
    with engine.connect() as connection:
        partitioning.make_room(connection, [universe_table.name], sessions)
        splits = read_splits(connection)
        bars = read_bars(connection, history_start(sessions[0]), sessions[-1], everyone=True)
    rows = _universe_rows(bars, splits, sessions)
    written = {}
    for session in sessions:
        of_session = rows[rows["date"] == pd.Timestamp(session)]
        with engine.begin() as connection:
            connection.execute(sa.delete(universe_table).where(universe_table.c.date == session))
            copy_frame(driver_connection(connection), universe_table.name, of_session, _UNIVERSE_KINDS)
        written[session] = len(of_session)
    return written


def write_indicators(engine: sa.Engine, sessions: Sequence[date]) -> dict[date, int]:
    """Replace the indicators of the watched names on some sessions, in one transaction; rows written by session.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
    """
    with engine.connect() as connection:
        splits = read_splits(connection)
        bars = read_bars(connection, history_start(sessions[0]), sessions[-1], everyone=False)
    rows = [
        row
        for ticker_id, own in bars.adjusted(splits, sessions[-1]).names()
        for row in _indicator_rows(ticker_id, own, splits, sessions)
    ]
    columns = [column.name for column in technical_indicators.columns]
    frame = pd.DataFrame(rows, columns=columns)
    with engine.begin() as connection:
        connection.execute(sa.delete(technical_indicators).where(technical_indicators.c.date.in_(sessions)))
        copy_csv(driver_connection(connection), technical_indicators.name, frame, columns)
    counts = frame["date"].value_counts()
    return {session: int(counts.get(session, 0)) for session in sessions}


def _universe_rows(bars: BarTable, splits: Splits, sessions: Sequence[date]) -> pd.DataFrame:
    adjusted = bars.adjusted(splits, sessions[-1])
    ids = np.unique(adjusted.ticker_id)
    days = sessions_between(adjusted.date.min().item(), sessions[-1]) if len(adjusted) else list(sessions)
    names, places = np.searchsorted(ids, adjusted.ticker_id), np.searchsorted(_days(days), adjusted.date)
    values = {name: np.full((len(ids), len(days)), np.nan) for name in _PRICES}
    for name, matrix in values.items():
        matrix[names, places] = getattr(adjusted, name)
    symbols = [str(ticker_id) for ticker_id in ids]
    known_later = {
        str(ticker_id): ratios
        for ticker_id in splits.ratios
        if (ratios := splits.between(ticker_id, sessions[0], sessions[-1]))
    }
    frame = universe_technicals(Panel(symbols, days, **values), len(sessions), known_later)
    frame = frame[~frame["is_stale"]]
    return frame.assign(ticker_id=frame["symbol"].astype(int), date=pd.to_datetime(frame["session"]))


def _indicator_rows(ticker_id: int, own: BarTable, splits: Splits, sessions: Sequence[date]) -> list[dict[str, object]]:
    bars = Bars.of(**{name: getattr(own, name) for name in (*_PRICES, "vwap")})
    rows = session_rows(bars, own.date, sessions, splits.between(ticker_id, sessions[0], sessions[-1]))
    days = sessions_between(own.date.min().item(), sessions[-1])
    closes = np.full(len(days), np.nan)
    closes[np.searchsorted(_days(days), own.date)] = own.close
    volatility = historical_volatility(closes, _HV)
    places = {day: place for place, day in enumerate(days)}
    return [_row(ticker_id, row, volatility_regime(volatility[: places[row.session] + 1])) for row in rows]


def _row(ticker_id: int, row: SessionRow, regime: str | None) -> dict[str, object]:
    return {
        "date": row.session,
        "ticker_id": ticker_id,
        **row.columns,
        "volatility_regime": regime,
        "indicators": json.dumps(dict(row.indicators), allow_nan=False),
        "null_reasons": json.dumps({name: missing.reason.name for name, missing in row.null_reasons.items()}),
    }


def _days(days: Sequence[date]) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return np.array(days, dtype="datetime64[D]")
