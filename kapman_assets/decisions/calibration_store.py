"""Calibrated confidences of sessions: stored outcomes in, rows of `confidence_calibration` out.

A session's recommendations are corrected with the outcomes of their provider that were known at its end.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from kapman_assets.decisions.calibration import LEAST_OUTCOMES, Curve, Floats, Test, fit, out_of_sample
from kapman_assets.decisions.outcome_reasons import Reason
from kapman_assets.decisions.outcomes import Row
from kapman_assets.decisions.row_store import replace_rows
from kapman_resources.schema import confidence_calibration, recommendation_outcomes, recommendations


class Record(NamedTuple):
    """A provider's scored outcomes in the order in which they came."""

    session: npt.NDArray[np.datetime64]
    confidence: Floats
    right: Floats


class Known(NamedTuple):
    """A provider's outcomes that are known at a session's end, and what they make of a confidence if they suffice."""

    outcomes: int
    curve: Curve | None = None
    test: Test | None = None


def write_calibrations(engine: sa.Engine, sessions: Sequence[date]) -> dict[date, int]:
    """Replace the calibrated confidences of some sessions, in one transaction; how many each has.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
    """
    said = recommendations
    query = (
        sa.select(said.c.date, said.c.ticker_id, said.c.provider, said.c.confidence)
        .where(said.c.date.between(sessions[0], sessions[-1]))
        .order_by(said.c.date, said.c.ticker_id)
    )
    with engine.connect() as connection:
        records = _read_records(connection, sessions[-1])
        issued = connection.execute(query).all()
    known = {key: _known(records.get(key[1]), key[0]) for key in {(row.date, row.provider) for row in issued}}
    rows = [_row(row.date, row.ticker_id, row.confidence, known[row.date, row.provider]) for row in issued]
    with engine.begin() as connection:
        return replace_rows(connection, confidence_calibration, sessions, rows)


def _read_records(connection: sa.Connection, last: date) -> Mapping[str, Record]:
    came, said = recommendation_outcomes, recommendations
    query = (
        sa.select(said.c.provider, came.c.date, came.c.predicted_confidence, came.c.direction_correct)
        .join(said, sa.and_(said.c.date == came.c.issued, said.c.ticker_id == came.c.ticker_id))
        .where(came.c.date <= last, came.c.direction_correct.is_not(None))
        .order_by(came.c.date, came.c.issued, came.c.ticker_id)
    )
    rows: dict[str, list[tuple[date, float, bool]]] = {}
    for provider, *row in connection.execute(query):
        rows.setdefault(provider, []).append((row[0], row[1], row[2]))
    return {
        provider: Record(np.array(days, dtype="datetime64[D]"), np.array(confidence), np.array(right, dtype=float))
        for provider, (days, confidence, right) in ((name, zip(*own, strict=True)) for name, own in rows.items())
    }


def _known(record: Record | None, session: date) -> Known:
    if record is None:
        return Known(0)
    count = int(np.searchsorted(record.session, np.datetime64(session, "D"), side="right"))
    if count < LEAST_OUTCOMES:
        return Known(count)
    confidence, right = record.confidence[:count], record.right[:count]
    return Known(count, fit(confidence, right), out_of_sample(confidence, right))


def _row(session: date, ticker_id: int, confidence: float, known: Known) -> Row:
    unknown = ("calibrated", "brier_raw", "brier_calibrated") if known.curve is None else ()
    return {
        "date": session,
        "ticker_id": ticker_id,
        "confidence": confidence,
        "calibrated": None if known.curve is None else float(known.curve(np.array([confidence]))[0]),
        "outcomes": known.outcomes,
        "brier_raw": None if known.test is None else known.test.brier_raw,
        "brier_calibrated": None if known.test is None else known.test.brier_calibrated,
        "null_reasons": dict.fromkeys(unknown, Reason.FEW_OUTCOMES.name),
    }
