"""The yardstick of ingest: bare binary `COPY` into a plain table with the columns and the key of `ohlcv`.

What it is given was read, parsed and judged before. One session is one committed transaction, in the file's
order, on the server that the measured ingest writes to.
"""

import time
from datetime import date
from types import TracebackType
from typing import Self

import pandas as pd
import psycopg
import sqlalchemy as sa

from kapman_assets.market.day_file import read_flat_file
from kapman_assets.market.ohlcv_store import TickerIndex
from kapman_resources.binary_copy import Kind, copy_frame
from kapman_resources.flatfiles import FlatFiles
from kapman_resources.schema import ohlcv

_KIND_OF: dict[type, Kind] = {sa.Integer: "int4", sa.Date: "date", sa.Double: "float8", sa.Text: "text"}
_KINDS = {column.name: _KIND_OF[type(column.type)] for column in ohlcv.columns}


def parsed(flat_files: FlatFiles, session: date, index: TickerIndex) -> pd.DataFrame:
    """The rows that ingest would store, in the file's order, with the columns of `ohlcv`."""
    day = read_flat_file(flat_files.fetch(session).body, session)
    ids = day.bars["symbol"].map(index.ids)
    # Rows of a symbol that no warehouse of the bench knows would have no key.
    return day.bars.assign(ticker_id=ids, date=pd.Timestamp(session), source=day.source.value).dropna(
        subset="ticker_id"
    )


class Yardstick:
    """The table, and the connection that fills it; it is dropped with the block."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def __enter__(self) -> Self:
        self._connection.execute("CREATE TABLE yardstick (LIKE ohlcv INCLUDING INDEXES)")
        self._connection.commit()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.rollback()
        self._connection.execute("DROP TABLE yardstick")
        self._connection.commit()
        self._connection.close()

    def load(self, rows: pd.DataFrame) -> float:
        """Write one parsed session; the seconds until it is committed."""
        begun = time.perf_counter()
        copy_frame(self._connection, "yardstick", rows, _KINDS)
        self._connection.commit()
        return time.perf_counter() - begun
