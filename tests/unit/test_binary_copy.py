"""The binary COPY stream, read back by a decoder written from PostgreSQL's manual ("COPY", "Binary Format")."""

import struct
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_resources.binary_copy import Kind, encode_frame

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SIGNATURE = b"PGCOPY\n\377\r\n\0"
KINDS: dict[str, Kind] = {"id": "int4", "number": "int4", "value": "float8", "day": "date", "name": "text"}

INT4 = st.integers(-(2**31), 2**31 - 1)
FLOAT8 = st.floats(allow_nan=False) | st.sampled_from([-0.0, 5e-324, 2.2250738585072014e-308, 0.1, 17798.430378])
DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
ROWS = st.lists(
    st.tuples(INT4, st.none() | INT4, st.none() | FLOAT8, st.none() | DATES, st.none() | TEXTS), max_size=25
)


def decode(stream: bytes, kinds: Mapping[str, Kind]) -> Counter[tuple[Any, ...]]:
    """Every tuple of the stream as Python values, a float8 as its eight bytes."""
    assert stream[:11] == SIGNATURE
    flags, extension = struct.unpack_from(">ii", stream, 11)
    assert (flags, extension) == (0, 0)
    position, rows = 19, []
    while (fields := struct.unpack_from(">h", stream, position)[0]) != -1:
        position += 2
        assert fields == len(kinds)
        row: list[Any] = []
        for kind in kinds.values():
            (length,) = struct.unpack_from(">i", stream, position)
            position += 4
            if length == -1:
                row.append(None)
                continue
            value = stream[position : position + length]
            assert len(value) == length >= 0
            position += length
            row.append(value_of(kind, value))
        rows.append(tuple(row))
    assert stream[position:] == b"\377\377"
    return Counter(rows)


def value_of(kind: Kind, value: bytes) -> Any:
    if kind == "float8":
        assert len(value) == 8
        return value
    if kind == "text":
        return value.decode()
    assert len(value) == 4
    (number,) = struct.unpack(">i", value)
    # A date is the number of days since 2000-01-01.
    return date(2000, 1, 1) + timedelta(days=number) if kind == "date" else number


def encoded(frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> bytes:
    return b"".join(encode_frame(frame, kinds))


def bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack(">d", value)


@given(ROWS, st.sampled_from(["float64", "Float64", "object"]))
@UNTIMED
def test_every_row_comes_back_to_the_bit(rows: list[tuple[Any, ...]], floats: str) -> None:
    ids, numbers, values, days, names = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    frame = pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="int64"),
            "number": pd.Series(numbers, dtype="Int64"),
            "value": pd.Series(values, dtype=floats),
            "day": pd.Series(days, dtype="object"),
            "name": pd.Series(names, dtype="object"),
        }
    )

    assert decode(encoded(frame, KINDS), KINDS) == Counter((i, n, bits(v), d, s) for i, n, v, d, s in rows)


@given(st.lists(st.none() | st.integers(0, 2**31 - 1), max_size=20))
@UNTIMED
def test_integers_with_gaps_may_come_as_floats(numbers: list[int | None]) -> None:
    frame = pd.DataFrame({"n": pd.Series(numbers, dtype="float64")})

    assert decode(encoded(frame, {"n": "int4"}), {"n": "int4"}) == Counter((n,) for n in numbers)


@given(st.lists(st.none() | st.dates(date(1700, 1, 1), date(2200, 1, 1)), max_size=20))
@UNTIMED
def test_days_may_come_as_timestamps(days: list[date | None]) -> None:
    frame = pd.DataFrame({"d": pd.Series([pd.Timestamp(day) for day in days], dtype="datetime64[ns]")})

    assert decode(encoded(frame, {"d": "date"}), {"d": "date"}) == Counter((day,) for day in days)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["AAPL", "MSFT"], id="one length"),
        pytest.param(["A", "BRK.B", "BACpL"], id="several lengths"),
        pytest.param(["", ""], id="all empty"),
        pytest.param([None, None], id="all missing"),
        pytest.param(["", None, "A"], id="empty is not missing"),
        pytest.param(["Société Générale", "三菱", "🜚"], id="not ASCII"),
        pytest.param([" A ", "\t", "\n", "\\N"], id="nothing is trimmed or escaped"),
    ],
)
def test_texts_come_back(names: list[str | None]) -> None:
    frame = pd.DataFrame({"s": pd.Series(names, dtype="object")})

    assert decode(encoded(frame, {"s": "text"}), {"s": "text"}) == Counter((name,) for name in names)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2])
def test_extreme_floats_come_back_to_the_bit(value: float) -> None:
    frame = pd.DataFrame({"x": [value, 1.0]})

    assert decode(encoded(frame, {"x": "float8"}), {"x": "float8"}) == Counter([(bits(value),), (bits(1.0),)])


def test_a_stream_to_the_byte() -> None:
    frame = pd.DataFrame({"i": [1], "x": [1.0], "d": [date(2000, 1, 2)], "s": ["é"], "n": pd.Series([None])})

    assert encoded(frame, {"i": "int4", "x": "float8", "d": "date", "s": "text", "n": "text"}) == (
        b"PGCOPY\n\377\r\n\0" + bytes(8)
        + b"\0\5"
        + b"\0\0\0\4" + b"\0\0\0\1"
        + b"\0\0\0\10" + b"\x3f\xf0\0\0\0\0\0\0"
        + b"\0\0\0\4" + b"\0\0\0\1"
        + b"\0\0\0\2" + b"\xc3\xa9"
        + b"\377\377\377\377"
        + b"\377\377"
    )  # fmt: skip


def test_an_empty_frame_is_signature_and_trailer() -> None:
    frame = pd.DataFrame({name: pd.Series(dtype="object") for name in KINDS})

    assert encoded(frame, KINDS) == SIGNATURE + bytes(8) + b"\377\377"


def test_columns_follow_the_kinds_and_others_are_left_out() -> None:
    frame = pd.DataFrame({"other": ["x"], "b": [2], "a": [1]}, index=[7])

    assert decode(encoded(frame, {"a": "int4", "b": "int4"}), {"a": "int4", "b": "int4"}) == Counter([(1, 2)])


@pytest.mark.parametrize("name", ["count", "length_a"])
def test_a_column_may_have_any_name(name: str) -> None:
    kinds: dict[str, Kind] = {"a": "int4", name: "int4"}
    frame = pd.DataFrame({"a": [1, 1], name: [1, 1]})

    assert decode(encoded(frame, kinds), kinds) == Counter([(1, 1), (1, 1)])


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 3_000_000_000])
@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64"])
def test_an_integer_that_does_not_fit_is_never_another_number(number: int, dtype: str) -> None:
    frame = pd.DataFrame({"n": pd.Series([1, number], dtype=dtype)})

    with pytest.raises((OverflowError, ValueError)):
        encoded(frame, {"n": "int4"})
