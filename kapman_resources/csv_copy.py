"""Frames as PostgreSQL's CSV COPY stream, written by Arrow: for wide rows whose texts vary in length.

`binary_copy` is faster where rows have few shapes, as daily bars do; here each row may have its own.
"""

import io
from collections.abc import Iterable

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="needed")


def copy_csv(connection: psycopg.Connection, table: str, frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Append `frame` to `table` within the connection's transaction.

    Args:
        connection: an open psycopg connection.
        table: the table's name.
        frame: one row a table row; missing values (NaN, NaT, None) become NULL. Whole-numbered columns of the
            table need an integer type (`Int64`) here: a float is written with its point.
        columns: the columns to write, in order.
    """
    names = list(columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    text = io.BytesIO()
    csv.write_csv(pa.Table.from_pandas(frame[names], preserve_index=False), text, _OPTIONS)
    with connection.cursor().copy(statement) as copy:
        copy.write(text.getbuffer())
