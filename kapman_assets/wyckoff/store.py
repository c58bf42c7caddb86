"""Wyckoff readings of sessions: stored bars in, rows of two tables out. Plain SQL, no Dagster.

Bars are read as traded, with their split factors, so that every session is read in its own prices whatever came later.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.market.bar_tables import BarTable, read_bars
from kapman_assets.wyckoff.features import Bars, Floats
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import Reading, SymbolBars, read_sessions
from kapman_assets.wyckoff.scores import Score
from kapman_assets.wyckoff.sentiment import Bools
from kapman_assets.wyckoff.sentiment_store import read_moods
from kapman_assets.wyckoff.vocabulary import SubType
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import model_parameters, wyckoff_events, wyckoff_phases

MODEL = "wyckoff"
MARKET = "SPY"
"""The index that a name's strength is compared with; where it has no bar the comparison is unknown."""

Row = dict[str, object]


def write_readings(
    engine: sa.Engine, sessions: Sequence[date], parameters: Parameters, *, everyone: bool
) -> dict[date, tuple[int, int]]:
    """Replace the events and phases of some sessions, in one transaction.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
        parameters: of the model; kept under their version.
        everyone: every name with bars, or the watched ones and the market's index.

    Returns:
        By session how many events were confirmed and how many names were read.
    """
    with engine.connect() as connection:
        # All of the past: a window of bars reaches further back for a name that was halted.
        bars = read_bars(connection, date.min, sessions[-1], everyone=everyone, also=[MARKET])
        market_id = connection.scalar(
            sa.text("SELECT ticker_id FROM tickers WHERE symbol = :market"), {"market": MARKET}
        )
        moods = read_moods(connection, bars, sessions, parameters)
    market = _closes({ticker_id: own for ticker_id, own in bars.names() if ticker_id == market_id}.get(market_id))
    events: list[Row] = []
    phases: list[Row] = []
    for ticker_id, own in bars.names():
        wanted = int((own.date >= np.datetime64(sessions[0], "D")).sum())
        if not wanted or moods is None:
            continue
        symbol = _symbol_bars(own, market, moods.of(ticker_id, own.date))
        for reading in read_sessions(symbol, parameters, last=wanted):
            mood = moods.describe(ticker_id, reading.session)
            phases.append(_phase_row(ticker_id, reading, mood, parameters.version))
            events += _event_rows(ticker_id, reading, parameters.version)
    with engine.begin() as connection:
        _keep(connection, parameters)
        for table, rows in ((wyckoff_events, events), (wyckoff_phases, phases)):
            columns = [column.name for column in table.columns]
            connection.execute(sa.delete(table).where(table.c.date.in_(sessions)))
            copy_csv(driver_connection(connection), table.name, _frame(rows, table), columns)
    confirmed, read = (_per_session(rows) for rows in (events, phases))
    return {session: (confirmed.get(session, 0), read.get(session, 0)) for session in sessions}


def _symbol_bars(own: BarTable, market: Mapping[date, float], mood: tuple[Floats, Bools]) -> SymbolBars:
    days = tuple(own.date.tolist())
    return SymbolBars(
        sessions=days,
        bars=Bars(own.open, own.high, own.low, own.close, own.volume),
        factor=own.factor,
        market=np.array([market.get(day, np.nan) for day in days]) if market else None,
        sentiment=mood[0],
        sentiment_is_price_only=mood[1],
    )


def _closes(own: BarTable | None) -> dict[date, float]:
    """Closes by session, comparable over splits."""
    return {} if own is None else dict(zip(own.date.tolist(), (own.close * own.factor).tolist(), strict=True))


def _event_rows(ticker_id: int, reading: Reading, version: str) -> list[Row]:
    return [
        {
            "date": reading.session,
            "ticker_id": ticker_id,
            "event": new.told.event.name,
            "event_date": new.told.event_date,
            "confirmed_date": new.told.confirmed_date,
            "sub_type": None if new.told.sub_type is SubType.NONE else new.told.sub_type.name,
            "confidence": new.told.confidence,
            "terms": _json(new.terms),
            "price_level": new.told.price_level,
            "volume_ratio": new.told.volume_ratio,
            "replaces_event": new.replaces[0].name if new.replaces else None,
            "replaces_date": new.replaces[1] if new.replaces else None,
            "model_version": version,
        }
        for new in reading.new_events
    ]


def _phase_row(ticker_id: int, reading: Reading, mood: Mapping[str, object], version: str) -> Row:
    primary = reading.primary_event
    return {
        "date": reading.session,
        "ticker_id": ticker_id,
        "regime": reading.regime.name,
        "phase": reading.phase.name,
        "wyckoff_phase": reading.letter,
        "sub_stage": reading.sub_stage,
        "phase_score": reading.phase_score,
        "phase_confidence": reading.phase_confidence,
        "support": reading.support,
        "resistance": reading.resistance,
        "composite_score": reading.composite_score,
        "range_start": reading.range_start,
        "touches_support": reading.touches_support,
        "touches_resistance": reading.touches_resistance,
        "bars_read": reading.bars_read,
        "bc_score": reading.bc_score_28,
        "bc_score_3d": reading.bc_score_3d,
        "bc_raw": _whole(reading.bc.raw),
        "bc_max": _whole(reading.bc.most),
        "spring_score": reading.spring_score_12,
        "spring_raw": None if reading.spring is None else _whole(reading.spring.raw),
        "spring_max": None if reading.spring is None else _whole(reading.spring.most),
        "bc_parts": _json(_points(reading.bc) | {"sentiment_proxy": mood}),
        "spring_parts": _json({} if reading.spring is None else _points(reading.spring)),
        "spring_is_final": reading.spring_is_final,
        # PostgreSQL's own text of an array; names of events need no quotes.
        "events_detected": "{" + ",".join(one.event.name for one in reading.told if one.is_active) + "}",
        "primary_event": None if primary is None else primary.event.name,
        "primary_event_date": None if primary is None else primary.confirmed_date,
        "primary_event_confidence": None if primary is None else primary.confidence,
        "signal_type": reading.signal.signal_type.value,
        "events_json": _json(reading.events_json),
        "checklist_json": _json(reading.checklist_json),
        "model_version": version,
        "null_reasons": _json({name: reason.name for name, reason in reading.null_reasons.items()}),
    }


def _points(score: Score) -> Row:
    return {name: _whole(points) for name, points in score.points.items()}


def _whole(points: Floats) -> int | None:
    """The points of the one session that a reading's score is of."""
    number = points.item()
    return None if np.isnan(number) else round(number)


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _frame(rows: Iterable[Row], table: sa.Table) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=[column.name for column in table.columns])
    return frame.astype({column.name: "Int64" for column in table.columns if isinstance(column.type, sa.Integer)})


def _keep(connection: sa.Connection, parameters: Parameters) -> None:
    """Write down what rows of this version were made with."""
    values = {"model": MODEL, "version": parameters.version, "parameters": json.loads(parameters.to_json())}
    connection.execute(insert(model_parameters).values(values).on_conflict_do_nothing())


def _per_session(rows: Iterable[Row]) -> dict[object, int]:
    return pd.Series([row["date"] for row in rows], dtype=object).value_counts().to_dict()
