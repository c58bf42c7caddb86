"""Frames to PostgreSQL and back in its binary form, encoded and decoded by numpy instead of row by row.

Knows the wire format of `COPY … FROM STDIN (FORMAT binary)` (PostgreSQL manual, "COPY", section "Binary
Format") and of fixed-size types, and nothing of any table.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
from psycopg import sql

Kind = Literal["int4", "float8", "date", "text"]
FixedKind = Literal["int4", "float8", "date", "bool"]

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = -1
_INT4 = np.iinfo(np.int32)
_EPOCH = np.datetime64("2000-01-01")
_WIRE = {"int4": ">i4", "float8": ">f8", "date": ">i4", "bool": "?"}
_SEND = {"int4": "int4send", "float8": "float8send", "date": "date_send", "bool": "boolsend"}


def copy_frame(connection: psycopg.Connection, table: str, frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> None:
    """Append `frame` to `table` within the connection's transaction.

    Args:
        connection: an open psycopg connection.
        table: the table's name.
        frame: one row a table row; missing values (NaN, NA, None) become NULL. Row order is not kept.
        kinds: the columns to write, in order, with their PostgreSQL types.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, kinds))
    )
    with connection.cursor().copy(statement) as copy:
        for block in encode_frame(frame, kinds):
            copy.write(block)


def read_columns(
    connection: psycopg.Connection, query: str, parameters: Mapping[str, Any], kinds: Mapping[str, FixedKind]
) -> dict[str, npt.NDArray[Any]]:
    """The result of a query, one array a column, in native types (dates as datetime64[D]).

    The server joins each column's binary form into one value, so that nothing here is done row by row. Every value
    must be there: the query gives NaN (`coalesce(x, 'NaN')`) for what may be unknown.

    Args:
        connection: an open psycopg connection.
        query: a SELECT with `%(name)s` for its parameters.
        parameters: their values.
        kinds: columns of its result with their PostgreSQL types.

    Raises:
        ValueError: a value is NULL.
        psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedColumn: the result is of other types or columns.
    """
    joined = sql.SQL(", ").join(
        sql.SQL("coalesce(string_agg({}({}), ''), '')").format(sql.SQL(_SEND[kind]), sql.Identifier(name))
        for name, kind in kinds.items()
    )
    # The text is the caller's own, as in any other query: values go in as parameters only.
    statement = sql.SQL("SELECT count(*), {} FROM ({}) AS result").format(joined, sql.SQL(query))
    with connection.cursor(binary=True) as cursor:
        count, *columns = cursor.execute(statement, parameters).fetchone() or (0,)
    arrays = {
        name: np.frombuffer(column, dtype=_WIRE[kind])
        for (name, kind), column in zip(kinds.items(), columns, strict=True)
    }
    if lacking := [name for name, array in arrays.items() if len(array) != count]:
        raise ValueError(f"NULL in {', '.join(lacking)}: the query must give a value for what is unknown")
    return {name: _native(array, kinds[name]) for name, array in arrays.items()}


def _native(values: npt.NDArray[Any], kind: FixedKind) -> npt.NDArray[Any]:
    if kind == "date":
        return _EPOCH + values.astype("timedelta64[D]")
    return values.astype(values.dtype.newbyteorder("="))


def encode_frame(frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> Iterator[bytes]:
    """The binary stream of `frame`, signature and trailer included.

    Rows with the same columns missing and equally long texts have the same length on the wire, so each such
    group is one structured array.
    """
    yield _SIGNATURE
    columns = [_Column(name, kind, frame[name]) for name, kind in kinds.items()]
    shapes = np.column_stack([column.lengths for column in columns])
    # A session's rows mostly have one shape: looking for the others costs more than the encoding itself.
    if len(shapes) and (shapes == shapes[0]).all():
        yield _encode_block(columns, shapes[0], slice(None), len(frame))
    elif len(shapes):
        distinct, group = np.unique(shapes, axis=0, return_inverse=True)
        for number, lengths in enumerate(distinct):
            rows = np.flatnonzero(group == number)
            yield _encode_block(columns, lengths, rows, len(rows))
    yield _TRAILER


class _Column:
    """One column's bytes on the wire: `lengths` (int32 per row, -1 is NULL) and big-endian `values`."""

    def __init__(self, name: str, kind: Kind, data: pd.Series) -> None:
        self.name = name
        missing = data.isna().to_numpy()
        self.values: npt.NDArray[Any]
        if kind == "int4":
            wide = data.fillna(0).to_numpy()
            if len(wide) and not (_INT4.min <= wide.min() and wide.max() <= _INT4.max):
                raise OverflowError(f"{name}: {wide.min()} to {wide.max()} does not fit an int4.")
            self.values = wide.astype(">i4")
        elif kind == "float8":
            self.values = data.to_numpy(dtype=">f8", na_value=0.0)
        elif kind == "date":
            days = data.to_numpy(dtype="datetime64[D]") - _EPOCH
            self.values = np.where(missing, np.timedelta64(0, "D"), days).astype(np.int64).astype(">i4")
        else:
            # Texts repeat: each different one is encoded once.
            codes, distinct = pd.factorize(data.fillna(""))
            self.values = np.array([text.encode() for text in distinct], dtype=np.bytes_)[codes]
        # numpy strips trailing NULs, which PostgreSQL's text cannot hold either.
        sizes = np.strings.str_len(self.values) if kind == "text" else self.values.dtype.itemsize
        self.lengths: npt.NDArray[np.int64] = np.where(missing, _NULL, sizes)


def _encode_block(
    columns: list[_Column], lengths: npt.NDArray[np.int64], rows: slice | npt.NDArray[np.intp], count: int
) -> bytes:
    # Numbered, not named: a table may have a column of any name.
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for number, (column, length) in enumerate(zip(columns, lengths, strict=True)):
        fields.append((f"length_{number}", ">i4"))
        if length > 0:
            code = f"S{length}" if column.values.dtype.kind == "S" else column.values.dtype.str
            fields.append((f"value_{number}", code))
    block = np.empty(count, dtype=np.dtype(fields))
    block["count"] = len(columns)
    for number, (column, length) in enumerate(zip(columns, lengths, strict=True)):
        block[f"length_{number}"] = length
        if length > 0:
            block[f"value_{number}"] = column.values[rows]
    return block.tobytes()
