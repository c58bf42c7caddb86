"""One session's bars from raw bytes to judged rows: parse, validate, quarantine. Plain calculation.

A file that cannot be read as a whole raises; a row that breaks a rule is refused with the reason, and the
rest stands. Where files come from and where rows go is decided elsewhere.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
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
_NUMERAL = r"^-?\d{1,30}(\.\d{0,30})?([eE][+-]?\d{1,2})?$"
"""A number as text; longer ones would not be finite."""
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
    frame = _table(_squared(lines, len(header), session), header).rename(columns=_FILE_COLUMNS)
    frame["vwap"] = np.nan

    def original(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [dict(zip(header, _fields(lines[row + 1]), strict=False)) for row in rows]

    return _judge(frame, session, Source.FLATFILE, typed, original, first_line=2)


def read_grouped_daily(page: Mapping[str, Any], session: date, *, typed: Collection[str] = frozenset()) -> JudgedDay:
    """Judge the answer of REST grouped-daily (`adjusted=false`); arguments and errors as `read_flat_file`."""
    results = page.get("results") or []
    if page.get("adjusted") is True:
        raise DayFileError(f"{session}: grouped daily came adjusted for splits; raw bars were asked for.")
    answer = pd.DataFrame(results, columns=list(_REST_FIELDS), dtype=object).rename(columns=_REST_FIELDS)
    numbers = {name: answer[name].map(_as_number).astype("float64") for name in [*_NUMBERS, *_OPTIONAL]}
    frame = pd.DataFrame({"symbol": answer["symbol"].fillna("").astype(str), **numbers})
    frame["window_start"] *= _NS_PER_MS
    is_absent = answer[_OPTIONAL].isna()
    frame["readable"] = frame[_NUMBERS].notna().all(axis=1) & (frame[_OPTIONAL].notna() | is_absent).all(axis=1)

    def original(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [results[row] for row in rows]

    return _judge(frame, session, Source.REST, typed, original, first_line=1)


def _as_number(field: object) -> float:
    """A field of a JSON answer as a number, NaN if it is none."""
    return float(field) if isinstance(field, int | float) and not isinstance(field, bool) else np.nan


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


def _table(rows: list[bytes], header: list[str]) -> pd.DataFrame:
    """The columns of `_FILE_COLUMNS`: numbers as float64, with NaN for what is none, and `readable` beside them.

    The vendor quotes nothing: a line is a row, whatever stands in it. Arrow's numbers equal `float(text)`.
    """
    # For the parser every CR ends a row; SUBSTITUTE is as little of a ticker or a number as it is.
    text = b"\n".join(rows).replace(b"\r", b"\x1a")
    if not text:
        return pd.DataFrame(columns=[*_FILE_COLUMNS, "readable"])
    types = dict.fromkeys(_FILE_COLUMNS, arrow.float64()) | {"ticker": arrow.string()}
    # Nearly always every field is what its column says. Arrow trims blanks, which is for the rules to judge.
    if b" " not in text and b"\t" not in text:
        with suppress(arrow.ArrowInvalid):
            table = _parse(text, header, types)
            if not any(pc.any(pc.is_nan(table.column(name))).as_py() for name in types if name != "ticker"):
                frame = table.to_pandas()
                return frame.assign(readable=frame[_NUMBERS].notna().all(axis=1))
    return _table_of_texts(text, header)


def _table_of_texts(text: bytes, header: list[str]) -> pd.DataFrame:
    """As `_table`, for a file with at least one field that is not what its column says."""
    texts = _parse(text, header, dict.fromkeys(_FILE_COLUMNS, arrow.string()))
    columns = {"ticker": texts.column("ticker").to_pandas()}
    readable = pd.Series(True, index=columns["ticker"].index)
    for name in [*_NUMBERS, "transactions"]:
        column = texts.column(name)
        is_number = pc.match_substring_regex(column, _NUMERAL)
        numerals = pc.if_else(is_number, column, arrow.scalar(None, arrow.string()))
        columns[name] = numerals.cast(arrow.float64()).to_pandas()
        is_empty = pc.equal(column, arrow.scalar("")).to_pandas()
        readable &= is_number.to_pandas() | (is_empty & (name in _OPTIONAL))
    return pd.DataFrame({**columns, "readable": readable})


def _parse(text: bytes, header: list[str], types: Mapping[str, arrow.DataType]) -> arrow.Table:
    return arrow_csv.read_csv(
        io.BytesIO(text),
        read_options=arrow_csv.ReadOptions(column_names=header, block_size=len(text) + 1, use_threads=False),
        parse_options=arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=list(types), column_types=dict(types), null_values=[""], strings_can_be_null=False
        ),
    )


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


def _broken_rules(frame: pd.DataFrame, session: date, typed: Collection[str]) -> pd.Series:
    """The first rule each row breaks, None where it keeps all of them.

    The rules are called one by one: `DataFrameSchema.validate` would report an error inside a rule as rows that
    break it, without saying which.
    """
    reasons = pd.Series([None] * len(frame), index=frame.index, dtype=object)
    for reason, rule in reversed(_rules(session, typed).items()):
        reasons[~rule(frame).check_output] = reason
    return reasons


def _rules(session: date, typed: Collection[str]) -> dict[Reason, pa.Check]:
    """The rule behind each reason, in the order in which they are applied."""
    first, end = (
        int(datetime.combine(day, time(), NEW_YORK).timestamp()) * 1_000_000_000
        for day in (session, session + timedelta(days=1))
    )
    tests = [*TEST_TICKERS, *(symbol for symbol in MAYBE_TEST_TICKERS if symbol not in typed)]

    def is_ticker(rows: pd.DataFrame) -> Any:
        # Arrow's regular expressions (RE2) take 1 ms where Python's take 8.
        matches = pc.match_substring_regex(arrow.array(rows["symbol"]), _SYMBOL)
        return pd.Series(matches.to_numpy(zero_copy_only=False), rows.index)

    def are_numbers(rows: pd.DataFrame) -> Any:
        trades = rows["transactions"]
        is_count = trades.isna() | (trades.between(0, _MAX_INT4) & (trades % 1 == 0))
        is_finite = np.isfinite(rows[_NUMBERS]).all(axis=1) & ~np.isinf(rows["vwap"])
        return rows["readable"] & is_finite & is_count

    def within_range(rows: pd.DataFrame) -> Any:
        return (np.maximum(rows["open"], rows["close"]) <= rows["high"]) & (
            np.minimum(rows["open"], rows["close"]) >= rows["low"]
        )

    keeps: dict[Reason, Callable[[pd.DataFrame], Any]] = {
        Reason.EMPTY_SYMBOL: lambda rows: rows["symbol"] != "",
        Reason.BAD_SYMBOL: is_ticker,
        Reason.TEST_TICKER: lambda rows: ~rows["symbol"].isin(tests),
        Reason.NOT_A_NUMBER: are_numbers,
        Reason.WRONG_DAY: lambda rows: (rows["window_start"] >= first) & (rows["window_start"] < end),
        Reason.NON_POSITIVE_PRICE: lambda rows: (rows[_PRICES] > 0).all(axis=1),
        Reason.NON_POSITIVE_VOLUME: lambda rows: rows["volume"] > 0,
        Reason.HIGH_BELOW_LOW: lambda rows: rows["high"] >= rows["low"],
        Reason.OUTSIDE_RANGE: within_range,
    }
    return {reason: pa.Check(rule, error=reason.value, ignore_na=False) for reason, rule in keeps.items()}


def _duplicates(sound: pd.DataFrame) -> pd.Index:
    """All rows of a symbol but the one with most transactions, then most volume."""
    doubled = sound[sound["symbol"].duplicated(keep=False)]
    ranked = doubled.sort_values(["transactions", "volume"], ascending=False, na_position="last", kind="stable")
    return ranked.index[ranked["symbol"].duplicated(keep="first")]
