"""Frames into the database and out of it again, by both kinds of COPY."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from kapman_resources.binary_copy import FixedKind, read_columns
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection

KINDS: dict[str, FixedKind] = {"id": "int4", "value": "float8", "day": "date", "flag": "bool"}


def test_columns_are_read_as_they_are_stored(engine: sa.Engine) -> None:
    query = """
        SELECT * FROM (VALUES
            (1, CAST(0.1 AS float8), DATE '2026-08-21', true),
            (-2147483648, CAST('NaN' AS float8), DATE '1999-12-31', false),
            (%(third)s, CAST('-Infinity' AS float8), DATE '2000-01-01', true)) AS v(id, value, day, flag)"""
    with engine.connect() as connection:
        found = read_columns(driver_connection(connection), query, {"third": 7}, KINDS)
    assert found["id"].tolist() == [1, -(2**31), 7]
    np.testing.assert_array_equal(found["value"], [0.1, np.nan, -np.inf])
    assert found["day"].tolist() == [date(2026, 8, 21), date(1999, 12, 31), date(2000, 1, 1)]
    assert found["flag"].tolist() == [True, False, True]
    assert all(array.dtype.isnative for array in found.values())


def test_no_row_is_an_empty_column(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        query = "SELECT 1 AS id, CAST(1 AS float8) AS value, DATE '2026-08-21' AS day, true AS flag WHERE false"
        found = read_columns(driver_connection(connection), query, {}, KINDS)
    assert [len(array) for array in found.values()] == [0, 0, 0, 0]


def test_a_null_is_told(engine: sa.Engine) -> None:
    query = "SELECT 1 AS id, CAST(NULL AS float8) AS value, DATE '2026-08-21' AS day, true AS flag"
    with engine.connect() as connection, pytest.raises(ValueError, match="NULL in value"):
        read_columns(driver_connection(connection), query, {}, KINDS)


@pytest.mark.parametrize("row", ["1.5 AS id", "CAST(1 AS int8) AS id", "'text' AS id", "1 AS other"])
def test_another_type_or_column_is_told(engine: sa.Engine, row: str) -> None:
    with engine.connect() as connection, pytest.raises(psycopg.errors.ProgrammingError):
        read_columns(driver_connection(connection), f"SELECT {row}", {}, {"id": "int4"})


def test_a_parameter_is_a_value_and_never_a_part_of_the_query(engine: sa.Engine) -> None:
    hostile = "x'; DROP TABLE tickers; --"
    with engine.connect() as connection:
        query = "SELECT CAST(length(CAST(%(text)s AS text)) AS int4) AS length"
        found = read_columns(driver_connection(connection), query, {"text": hostile}, {"length": "int4"})
        assert found["length"].tolist() == [len(hostile)]
        assert connection.scalar(sa.text("SELECT count(*) FROM tickers")) == 0


def test_a_frame_of_any_texts_and_gaps_arrives_whole(engine: sa.Engine) -> None:
    texts = ["plain", 'with "quotes", commas', "line\nbreak", "", None, "NULL", "\\N", "ünï"]
    moments = [datetime(2026, 8, 21, 20, 0, 0, 123456, tzinfo=UTC), None] * 4
    frame = pd.DataFrame(
        {
            "t": texts,
            "x": [0.1, np.nan, 1e308, 5e-324, -0.0, 17798.430378, 1 / 3, np.nan],
            "n": pd.array([1, None, 2**31 - 1, 0, -1, 5, None, 7], dtype="Int64"),
            "d": [date(2026, 8, 21), None] * 4,
            "b": [True, False] * 4,
            "m": pd.to_datetime(pd.Series(moments), utc=True),
            "row": range(8),
        }
    )
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TEMPORARY TABLE copied (row int, t text, x float8, n int, d date, b bool, m timestamptz)")
        )
        copy_csv(driver_connection(connection), "copied", frame, ["t", "x", "n", "d", "b", "m", "row"])
        rows = connection.execute(sa.text("SELECT t AS words, x, n, d, b, m FROM copied ORDER BY row")).all()
    assert [row.words for row in rows] == texts
    for row, x, n, moment in zip(rows, frame["x"], frame["n"], moments, strict=True):
        assert (row.x is None and np.isnan(x)) or row.x.hex() == float(x).hex()
        assert row.n == (None if pd.isna(n) else n)
        assert row.m == moment
    assert [row.d for row in rows] == [date(2026, 8, 21), None] * 4
    assert [row.b for row in rows] == [True, False] * 4
