"""One session's bars from raw bytes to judged rows: parse, validate, quarantine. Plain calculation.

A file that cannot be read as a whole raises; a row that breaks a rule is refused with the reason, and the
rest stands. Where files come from and where rows go is decided elsewhere.
"""

import csv
import gzip
import io
import json
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
    text = _gunzip(body, session)
    header = _fields(text.partition(b"\n")[0])
    if missing := sorted(_FILE_COLUMNS.keys() - set(header)):
        raise DayFileError(f"{session}: the file has no column {', '.join(missing)}; its header is {header[:12]}.")
    try:
        frame = pd.read_csv(
            io.BytesIO(text),
            usecols=list(_FILE_COLUMNS),
            dtype={"ticker": str},
            keep_default_na=False,
            na_values={column: [""] for column in _FILE_COLUMNS if column != "ticker"},
            skip_blank_lines=False,
            encoding_errors="replace",
            # The vendor quotes nothing; without quoting a line is a row, whatever stands in it.
            quoting=csv.QUOTE_NONE,
        ).rename(columns=_FILE_COLUMNS)
    except (pd.errors.ParserError, ValueError) as error:
        raise DayFileError(f"{session}: the file is not a table: {error}.") from error
    frame["vwap"] = np.nan

    def original(rows: Sequence[int]) -> list[dict[str, Any]]:
        lines = text.split(b"\n")
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


def _gunzip(body: bytes, session: date) -> bytes:
    if not body:
        raise DayFileError(f"{session}: the file is empty (0 bytes).")
    try:
        text = gzip.decompress(body)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DayFileError(f"{session}: the file is cut off or not gzip ({len(body):,} bytes): {error}.") from error
    if not text.strip():
        raise DayFileError(f"{session}: the file holds nothing, not even a header.")
    return text


def _fields(line: bytes) -> list[str]:
    return line.decode("utf-8", "replace").rstrip("\r").split(",")


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
    """Each numeric column as float64 or int64, and whether every field of the row could be read."""
    numbers: dict[str, pd.Series] = {}
    readable = pd.Series(True, index=frame.index)
    for column in [*_NUMBERS, *_OPTIONAL]:
        raw = frame[column]
        value = raw if raw.dtype.kind in "fi" else pd.to_numeric(raw, errors="coerce")
        known = raw.notna() if column in _OPTIONAL else pd.Series(True, index=frame.index)
        readable &= ~known | (value.notna() & np.isfinite(value))
        numbers[column] = value.astype("int64" if column == "window_start" and value.dtype.kind == "i" else "float64")
    readable &= numbers["transactions"].isna() | numbers["transactions"].between(0, _MAX_INT4)
    return numbers, readable


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
        {"symbol": pa.Column(str), "readable": pa.Column(bool)},
        checks=[
            rule(Reason.EMPTY_SYMBOL, lambda rows: rows["symbol"] != ""),
            rule(Reason.BAD_SYMBOL, is_ticker),
            rule(Reason.TEST_TICKER, lambda rows: ~rows["symbol"].isin(tests)),
            rule(Reason.NOT_A_NUMBER, lambda rows: rows["readable"]),
            rule(Reason.WRONG_DAY, lambda rows: (rows["window_start"] >= first) & (rows["window_start"] < end)),
            rule(Reason.NON_POSITIVE_PRICE, lambda rows: np.minimum.reduce([rows[p] for p in _PRICES]) > 0),
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
