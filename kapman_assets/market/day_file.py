"""One session's bars from raw bytes to judged rows: parse, validate, quarantine. Plain calculation.

A file that cannot be read as a whole raises; a row that breaks a rule is refused with the reason, and the
rest stands. Where files come from and where rows go is decided elsewhere.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from kapman_resources.errors import PermanentError
from kapman_resources.sessions import NEW_YORK

_PRICES = ["open", "high", "low", "close"]
_NUMBERS = [*_PRICES, "volume", "window_start"]
_FILE_COLUMNS = {"ticker": "symbol", "transactions": "transactions", **{name: name for name in _NUMBERS}}
_REST_FIELDS = {
    "T": "symbol", "v": "volume", "vw": "vwap", "o": "open", "c": "close", "h": "high", "l": "low",
    "t": "window_start", "n": "transactions",
}  # fmt: skip
_OPTIONAL = ["vwap", "transactions"]
_NS_PER_MS = 1_000_000
_MAX_INT4 = 2**31 - 1
_NUMERAL = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_SYMBOL = r"^[A-Za-z][A-Za-z0-9./\-]{0,15}$"
"""CQS symbols: class and series suffixes behind a dot or in lower case (BRK.B, BACpL, ABC.WS)."""

TEST_TICKERS = frozenset({"ZVZZT", "ZWZZT", "ZXZZT", "ZJZZT", "ZXYZ.A", "ZBZX", "ZTEST", "ZTST", "IBO", "ZVV", "ZZK"})
"""Exchanges' test symbols; their prints are not trades."""

MAYBE_TEST_TICKERS = frozenset({"CBO", "CBX", "IGZ", "ZZZ"})
"""Test symbols that real securities have used too: refused only where the reference knows no type for them."""


class Source(StrEnum):
    """Where a session's rows came from."""

    FLATFILE = "flatfile"
    REST = "rest"


class Reason(StrEnum):
    """Why a row is refused, in the order in which the rules are applied."""

    EMPTY_SYMBOL = "empty symbol"
    BAD_SYMBOL = "symbol is not a ticker"
    TEST_TICKER = "exchange test ticker"
    NOT_A_NUMBER = "not a finite number"
    WRONG_DAY = "window_start is not in the session"
    NON_POSITIVE_PRICE = "price is zero or negative"
    NON_POSITIVE_VOLUME = "volume is zero or negative"
    HIGH_BELOW_LOW = "high is below low"
    OUTSIDE_RANGE = "open or close is outside low to high"
    DUPLICATE = "another row of the symbol has more transactions or volume"


class DayFileError(PermanentError):
    """A session's file cannot be used at all; what was stored before stands."""


@dataclass(frozen=True)
class JudgedDay:
    """One session's rows after judgement.

    Attributes:
        session: the session all bars belong to.
        source: where they came from.
        bars: symbol, open, high, low, close, volume, vwap, transactions; USD and shares, unadjusted;
            one row a symbol.
        refused: line (1 is the header of a file, or the first result of a page), symbol, reason, row (JSON
            text of the fields as received).
        rows_read: rows in the source.
    """

    session: date
    source: Source
    bars: pd.DataFrame
    refused: pd.DataFrame
    rows_read: int


def read_flat_file(body: bytes, session: date, *, typed: Collection[str] = frozenset()) -> JudgedDay:
    """Judge a gzipped day-aggregates file.

    Args:
        body: the file as received.
        session: the session it must be of.
        typed: symbols whose type the reference knows.

    Raises:
        DayFileError: cut off, not gzip, empty, a column missing, or a line with too many fields.
    """
    lines = _lines(body, session)
    header = _fields(lines[0])
    for column in _FILE_COLUMNS:
        if header.count(column) != 1:
            has = "has no" if column not in header else "has more than one"
            raise DayFileError(f"{session}: the file {has} column {column}; its header is {header[:12]}.")
    columns = dict(zip(header, _split(_squared(lines, len(header), session), len(header)), strict=True))
    frame = pd.DataFrame({own: _as_series(columns[name], own) for name, own in _FILE_COLUMNS.items()})
    frame["vwap"] = np.nan

    def original(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [dict(zip(header, _fields(lines[row + 1]), strict=False)) for row in rows]

    return _judge(frame, session, Source.FLATFILE, typed, original, first_line=2)


def read_grouped_daily(page: Mapping[str, Any], session: date, *, typed: Collection[str] = frozenset()) -> JudgedDay:
    """Judge the answer of REST grouped-daily (`adjusted=false`); arguments and errors as `read_flat_file`."""
    results = page.get("results") or []
    if page.get("adjusted") is True:
        raise DayFileError(f"{session}: grouped daily came adjusted for splits; raw bars were asked for.")
    frame = pd.DataFrame(results, columns=list(_REST_FIELDS)).rename(columns=_REST_FIELDS)
    frame["symbol"] = frame["symbol"].fillna("").astype(str)
    frame["window_start"] = pd.to_numeric(frame["window_start"], errors="coerce") * _NS_PER_MS

    def original(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [results[row] for row in rows]

    return _judge(frame, session, Source.REST, typed, original, first_line=1)


def _lines(body: bytes, session: date) -> list[bytes]:
    """The file's lines as valid UTF-8, the header first."""
    if not body:
        raise DayFileError(f"{session}: the file is empty (0 bytes).")
    try:
        text = gzip.decompress(body)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DayFileError(f"{session}: the file is cut off or not gzip ({len(body):,} bytes): {error}.") from error
    if not text.strip():
        raise DayFileError(f"{session}: the file holds nothing, not even a header.")
    # A NUL cannot be stored as text; CRLF is a line end, and any other CR part of a field.
    text = text.replace(b"\0", "\ufffd".encode()).replace(b"\r\n", b"\n")
    lines = text.decode("utf-8", "replace").encode().split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _fields(line: bytes) -> list[str]:
    return line.decode().split(",")


def _squared(lines: list[bytes], width: int, session: date) -> list[bytes]:
    """The rows with the fields that short ones lack added as empty; a row that is too long spoils the file."""
    fields = [line.count(b",") + 1 for line in lines]
    if max(fields) > width:
        number = next(number for number, count in enumerate(fields, start=1) if count > width)
        raise DayFileError(
            f"{session}: the file is not a table: line {number} has {fields[number - 1]} fields, the header {width}."
        )
    if min(fields) == width:
        return lines[1:]
    return [line + b"," * (width - count) for line, count in zip(lines[1:], fields[1:], strict=True)]


def _split(rows: list[bytes], width: int) -> list["arrow.ChunkedArray[Any]"]:
    """The columns as text. The vendor quotes nothing: a line is a row, whatever stands in it."""
    names = [str(number) for number in range(width)]
    if not rows:
        return [arrow.chunked_array([], arrow.string()) for _ in names]
    # For the parser every CR ends a row; SUBSTITUTE is as little of a ticker or a number as it is.
    text = b"\n".join(rows).replace(b"\r", b"\x1a")
    table = arrow_csv.read_csv(
        io.BytesIO(text),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(text) + 1, use_threads=False),
        parse_options=arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, arrow.string()), strings_can_be_null=False
        ),
    )
    return table.columns


def _as_series(text: "arrow.ChunkedArray[Any]", column: str) -> pd.Series:
    """A column as numbers if every field of it is one, else as text. Arrow's numbers equal `float(text)`."""
    if column == "symbol":
        return text.to_pandas()
    if column in _OPTIONAL:
        nothing = arrow.scalar(None, arrow.string())
        text = pc.if_else(pc.equal(text, arrow.scalar("")), nothing, text)
    try:
        numbers = pc.cast(text, arrow.float64())
    except arrow.ArrowInvalid:
        return text.to_pandas()
    return text.to_pandas() if pc.any(pc.is_nan(numbers)).as_py() else numbers.to_pandas()


def _judge(
    frame: pd.DataFrame,
    session: date,
    source: Source,
    typed: Collection[str],
    original: Callable[[Sequence[int]], list[dict[str, Any]]],
    *,
    first_line: int,
) -> JudgedDay:
    if frame.empty:
        raise DayFileError(f"{session}: {source} has a header but not one row.")
    numbers, readable = _as_numbers(frame)
    frame = pd.DataFrame({"symbol": frame["symbol"], **numbers, "readable": readable})
    reasons = _broken_rules(frame, session, typed)
    sound = frame[reasons.isna()]
    reasons.loc[_duplicates(sound)] = Reason.DUPLICATE
    rows = np.flatnonzero(reasons.notna())
    refused = pd.DataFrame(
        {
            "line": rows + first_line,
            "symbol": frame["symbol"].iloc[rows].str.replace("\0", "").str.slice(0, 64).replace("", None),
            "reason": reasons.iloc[rows].astype(str),
            # PostgreSQL's jsonb holds no NUL, and JSON no NaN: both become readable text.
            "row": [
                json.dumps({k: str(v).replace("\0", "\ufffd") for k, v in o.items()}) for o in original(rows.tolist())
            ],
        }
    )
    bars = frame.loc[reasons.isna(), ["symbol", *_PRICES, "volume", *_OPTIONAL]]
    return JudgedDay(session, source, bars.reset_index(drop=True), refused.reset_index(drop=True), len(frame))


def _as_numbers(frame: pd.DataFrame) -> tuple[dict[str, pd.Series], pd.Series]:
    """Each numeric column as float64, and whether every field of the row could be read.

    Midnights in nanoseconds are multiples of 512, so that float64 holds them exactly.
    """
    numbers: dict[str, pd.Series] = {}
    readable = pd.Series(True, index=frame.index)
    for column in [*_NUMBERS, *_OPTIONAL]:
        raw = frame[column]
        value = raw if raw.dtype.kind in "fi" else raw.map(_as_number).astype("float64")
        known = raw.notna() if column in _OPTIONAL else pd.Series(True, index=frame.index)
        readable &= ~known | (value.notna() & np.isfinite(value))
        numbers[column] = value.astype("float64")
    count = numbers["transactions"]
    readable &= count.isna() | (count.between(0, _MAX_INT4) & (count % 1 == 0))
    return numbers, readable


def _as_number(field: object) -> float:
    """The number that a field of a column with unreadable fields says, NaN if it says none."""
    if isinstance(field, bool) or (isinstance(field, str) and not _NUMERAL.fullmatch(field)):
        return np.nan
    try:
        return float(field)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return np.nan


def _broken_rules(frame: pd.DataFrame, session: date, typed: Collection[str]) -> pd.Series:
    """The first rule each row breaks, None where it keeps all of them."""
    try:
        _schema(session, typed).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as broken:
        cases = broken.failure_cases
        rank = {reason.value: number for number, reason in enumerate(Reason)}
        if unknown := set(cases["check"]) - rank.keys():
            raise DayFileError(f"{session}: the file's columns are not as expected: {sorted(unknown)}.") from broken
        first = cases.assign(rank=cases["check"].map(rank)).groupby("index")["rank"].min()
        reasons: pd.Series = first.map(dict(enumerate(Reason))).reindex(frame.index).astype(object)
        return reasons
    return pd.Series([None] * len(frame), index=frame.index, dtype=object)


def _schema(session: date, typed: Collection[str]) -> pa.DataFrameSchema:
    first, end = (
        int(datetime.combine(day, time(), NEW_YORK).timestamp()) * 1_000_000_000
        for day in (session, session + timedelta(days=1))
    )
    tests = [*TEST_TICKERS, *(symbol for symbol in MAYBE_TEST_TICKERS if symbol not in typed)]

    def rule(reason: Reason, keeps: Callable[[pd.DataFrame], Any]) -> pa.Check:
        return pa.Check(keeps, error=reason.value, ignore_na=False)

    def is_ticker(rows: pd.DataFrame) -> Any:
        # Arrow's regular expressions (RE2) take 1 ms where Python's take 8.
        matches = pc.match_substring_regex(arrow.array(rows["symbol"]), _SYMBOL)
        return pd.Series(matches.to_numpy(zero_copy_only=False), rows.index)

    def within_range(rows: pd.DataFrame) -> Any:
        return (np.maximum(rows["open"], rows["close"]) <= rows["high"]) & (
            np.minimum(rows["open"], rows["close"]) >= rows["low"]
        )

    return pa.DataFrameSchema(
        checks=[
            rule(Reason.EMPTY_SYMBOL, lambda rows: rows["symbol"] != ""),
            rule(Reason.BAD_SYMBOL, is_ticker),
            rule(Reason.TEST_TICKER, lambda rows: ~rows["symbol"].isin(tests)),
            rule(Reason.NOT_A_NUMBER, lambda rows: rows["readable"]),
            rule(Reason.WRONG_DAY, lambda rows: (rows["window_start"] >= first) & (rows["window_start"] < end)),
            rule(Reason.NON_POSITIVE_PRICE, lambda rows: (rows[_PRICES] > 0).all(axis=1)),
            rule(Reason.NON_POSITIVE_VOLUME, lambda rows: rows["volume"] > 0),
            rule(Reason.HIGH_BELOW_LOW, lambda rows: rows["high"] >= rows["low"]),
            rule(Reason.OUTSIDE_RANGE, within_range),
        ],
    )


def _duplicates(sound: pd.DataFrame) -> pd.Index:
    """All rows of a symbol but the one with most transactions, then most volume."""
    doubled = sound[sound["symbol"].duplicated(keep=False)]
    ranked = doubled.sort_values(["transactions", "volume"], ascending=False, na_position="last", kind="stable")
    return ranked.index[ranked["symbol"].duplicated(keep="first")]
