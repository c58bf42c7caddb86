"""Rows of sessions into a table of the decision layer. What stands in them is known to the callers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection


def replace_rows(
    connection: sa.Connection, table: sa.Table, sessions: Sequence[date], rows: Sequence[Mapping[str, object]]
) -> dict[date, int]:
    """Replace a table's rows of some sessions, in the connection's transaction; how many each has now.

    Args:
        connection: in a transaction.
        table: with the session in `date`.
        sessions: ascending, without a gap.
        rows: of these sessions; a value for each column.
    """
    frame = pd.DataFrame(list(rows), columns=[column.name for column in table.columns], dtype=object)
    for column in table.columns:
        if isinstance(column.type, JSONB):
            frame[column.name] = [json.dumps(value, allow_nan=False) for value in frame[column.name]]
    connection.execute(sa.delete(table).where(table.c.date.between(sessions[0], sessions[-1])))
    copy_csv(driver_connection(connection), table.name, frame, frame.columns)
    counts = Counter(row["date"] for row in rows)
    return {session: counts[session] for session in sessions}
