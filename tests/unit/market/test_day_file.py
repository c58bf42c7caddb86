"""A day's bars from bytes to judged rows: every bad input, and the rules again in plain Python."""

import gzip
import json
import math
import re
import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_assets.market.day_file import DayFileError, JudgedDay, Reason, Source, read_flat_file, read_grouped_daily

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MONDAY = date(2024, 7, 1)
COLUMNS = ["ticker", "volume", "open", "close", "high", "low", "window_start", "transactions"]
"""The vendor's, in its order."""

ALWAYS_TEST = ["ZVZZT", "ZWZZT", "ZXZZT", "ZJZZT", "ZXYZ.A", "ZBZX", "ZTEST", "ZTST", "IBO", "ZVV", "ZZK"]
TEST_UNLESS_TYPED = ["CBO", "CBX", "IGZ", "ZZZ"]
"""reference.md 1.4."""


def midnight(day: date) -> int:
    """Nanoseconds of 00:00 in New York."""
    return int(datetime.combine(day, time(), ZoneInfo("America/New_York")).timestamp()) * 10**9


def fields(ticker: str = "AAPL", **changed: object) -> dict[str, str]:
    row = {
        "ticker": ticker, "volume": "1000", "open": "10", "close": "11", "high": "12", "low": "9",
        "window_start": str(midnight(MONDAY)), "transactions": "50",
    }  # fmt: skip
    return row | {name: str(value) for name, value in changed.items()}


def line(ticker: str = "AAPL", **changed: object) -> str:
    return ",".join(fields(ticker, **changed).values())


def file_of(*lines: str, header: Sequence[str] = COLUMNS, end: str = "\n") -> bytes:
    return gzip.compress("".join(text + end for text in (",".join(header), *lines)).encode())


def judged(*lines: str, session: date = MONDAY, typed: Sequence[str] = ()) -> JudgedDay:
    return read_flat_file(file_of(*lines), session, typed=typed)


def stored(day: JudgedDay) -> list[str]:
    return list(day.bars["symbol"])


def refusals(day: JudgedDay) -> list[tuple[int, str | None, str]]:
    return list(day.refused[["line", "symbol", "reason"]].itertuples(index=False, name=None))


def bits(value: float) -> bytes:
    return struct.pack(">d", value)


# ---------------------------------------------------------------- what a sound file becomes


def test_a_bar_is_its_fields() -> None:
    day = judged("A,17798.430378,119.5,119.05,120.25,118.75," + str(midnight(MONDAY)) + ",312")

    assert (day.session, day.source, day.rows_read, len(day.refused)) == (MONDAY, Source.FLATFILE, 1, 0)
    bar = day.bars.iloc[0].to_dict()
    assert math.isnan(bar.pop("vwap"))
    assert bar == {
        "symbol": "A", "open": 119.5, "high": 120.25, "low": 118.75, "close": 119.05,
        "volume": 17798.430378, "transactions": 312,
    }  # fmt: skip


def test_bars_have_one_set_of_columns() -> None:
    named = ["symbol", "open", "high", "low", "close", "volume", "vwap", "transactions"]

    assert list(judged(line()).bars) == named
    assert list(judged(line(volume=0)).bars) == named
    assert list(judged(line(volume=0)).refused) == ["line", "symbol", "reason", "row"]
    assert list(judged(line()).refused) == ["line", "symbol", "reason", "row"]


@pytest.mark.parametrize("volume", ["17798.430378", "895345", "0.000001", "9007199254740993", "123456789012.123456"])
def test_volume_is_decimal_or_whole_and_exact(volume: str) -> None:
    assert bits(judged(line(volume=volume)).bars["volume"].iloc[0]) == bits(float(volume))


NUMBER_TEXTS = st.one_of(
    st.decimals("0.0001", "999999", places=4).map(str),
    st.decimals("0.000001", "99999999999", places=6).map(lambda d: f"{d:f}"),
    st.floats(1e-4, 1e15).map(repr),
    st.integers(1, 10**18).map(str),
)


@given(st.lists(st.tuples(NUMBER_TEXTS, NUMBER_TEXTS), min_size=1, max_size=20), st.booleans())
@settings(UNTIMED, max_examples=50)
def test_every_number_is_the_float_of_its_text(numbers: list[tuple[str, str]], beside_a_bad_row: bool) -> None:
    rows = [
        line(f"S{n}", volume=volume, open=price, close=price, high=price, low=price)
        for n, (price, volume) in enumerate(numbers, start=1)
    ]
    bad = [line("BAD", volume="x", open="x", close="x", high="x", low="x")] if beside_a_bad_row else []

    day = judged(*bad, *(row.replace("S", "S" * 2, 1) for row in rows))

    assert len(day.bars) == len(numbers)
    for bar, (price, volume) in zip(day.bars.itertuples(), numbers, strict=True):
        for got in (bar.open, bar.high, bar.low, bar.close):
            assert bits(got) == bits(float(price)), price
        assert bits(bar.volume) == bits(float(volume)), volume


def test_columns_are_found_by_name() -> None:
    order = ["transactions", "low", "window_start", "ticker", "high", "volume", "close", "open"]
    row = fields()

    day = read_flat_file(file_of(",".join(row[name] for name in order), header=order), MONDAY)

    assert day.bars.drop(columns="vwap").equals(judged(line()).bars.drop(columns="vwap"))


def test_a_column_more_is_accepted_and_kept_in_refused_rows() -> None:
    header = [*COLUMNS[:3], "otc", *COLUMNS[3:]]
    row = fields(volume="-1") | {"otc": "true"}

    sound, bad = (",".join((row | {"volume": volume})[name] for name in header) for volume in ("5", "-1"))
    day = read_flat_file(file_of(sound, bad.replace("AAPL", "B"), header=header), MONDAY)

    assert stored(day) == ["AAPL"]
    assert json.loads(day.refused["row"].iloc[0]) == row | {"ticker": "B"}


@pytest.mark.parametrize(
    "symbol", ["NA", "NAN", "NULL", "TRUE", "None", "INF", "nan", "BRK.B", "BACpL", "ABC.WS", "Tp"]
)
def test_a_ticker_is_a_word_whatever_it_means_elsewhere(symbol: str) -> None:
    assert stored(judged(line(symbol))) == [symbol]


def test_case_is_kept_and_tells_two_names_apart() -> None:
    day = judged(line("BACpL", close="9.5"), line("BACPL", close="10.5"), line("Bacpl", close="11.5"))

    assert dict(zip(day.bars["symbol"], day.bars["close"], strict=True)) == {
        "BACpL": 9.5,
        "BACPL": 10.5,
        "Bacpl": 11.5,
    }
    assert day.refused.empty


def test_empty_transactions_are_unknown_and_no_reason_to_refuse() -> None:
    day = judged(line("A", transactions=""), line("B", transactions="0"))

    assert stored(day) == ["A", "B"]
    assert day.bars["transactions"].isna().tolist() == [True, False]
    assert day.bars["transactions"].iloc[1] == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("closed", [True, False])
def test_line_ends_of_either_kind_and_a_last_line_without_one(end: str, closed: bool) -> None:
    text = end.join([",".join(COLUMNS), line("A"), line("B", volume=0), line("C")]) + (end if closed else "")

    day = read_flat_file(gzip.compress(text.encode()), MONDAY)

    assert stored(day) == ["A", "C"]
    assert day.rows_read == 3
    assert day.bars["transactions"].tolist() == [50, 50]
    assert refusals(day) == [(3, "B", Reason.NON_POSITIVE_VOLUME)]
    assert json.loads(day.refused["row"].iloc[0]) == fields("B", volume=0)


# ---------------------------------------------------------------- files that are refused as a whole


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b"", "0 bytes", id="no bytes"),
        pytest.param(gzip.compress(b""), "nothing", id="gzip of nothing"),
        pytest.param(gzip.compress(b"\n \n"), "nothing", id="gzip of blank lines"),
        pytest.param(file_of(), "not one row", id="header only"),
        pytest.param(b"ticker,volume\nA,1\n", "not gzip", id="plain text"),
        pytest.param(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "not gzip", id="an error page"),
        pytest.param(file_of(line())[:6], "cut off", id="six bytes"),
        pytest.param(gzip.compress(line().encode()), "no column", id="no header"),
    ],
)
def test_a_file_without_rows_is_refused_with_the_session(body: bytes, told: str) -> None:
    with pytest.raises(DayFileError, match=told) as refused:
        read_flat_file(body, MONDAY)
    assert str(MONDAY) in str(refused.value)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    body = file_of(*(line(f"S{chr(65 + n)}", volume=n * 7919 + 1) for n in range(26)))
    assert len(read_flat_file(body, MONDAY).bars) == 26

    for length in {int(len(body) * 0.6), *range(len(body))}:
        with pytest.raises(DayFileError):
            read_flat_file(body[:length], MONDAY)


def test_a_damaged_file_is_refused() -> None:
    body = bytearray(file_of(*(line(f"S{chr(65 + n)}", volume=n * 7919 + 1) for n in range(26))))
    body[len(body) // 2] ^= 0xFF

    with pytest.raises(DayFileError):
        read_flat_file(bytes(body), MONDAY)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column: str) -> None:
    kept = [name for name in COLUMNS if name != column]

    with pytest.raises(DayFileError, match=rf"no column {column}\b"):
        read_flat_file(file_of(",".join(fields()[name] for name in kept), header=kept), MONDAY)


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "middle", "last"])
@pytest.mark.parametrize("more", [",9", ",", ",9,9,9"])
def test_a_line_with_too_many_fields_refuses_the_file_and_is_named(position: int, more: str) -> None:
    lines = [line("A"), line("B"), line("C")]
    lines[position] += more

    with pytest.raises(DayFileError) as refused:
        judged(*lines)
    assert re.search(rf"\bline {position + 2}\b", str(refused.value))
    assert str(MONDAY) in str(refused.value)


# ---------------------------------------------------------------- rows that are refused

DAY_BEFORE, DAY_AFTER = midnight(MONDAY - timedelta(days=1)), midnight(MONDAY + timedelta(days=1))

BROKEN: list[tuple[Reason, dict[str, object]]] = [
    (Reason.EMPTY_SYMBOL, {"ticker": ""}),
    (Reason.BAD_SYMBOL, {"ticker": "4BAD"}),
    (Reason.TEST_TICKER, {"ticker": "ZVZZT"}),
    (Reason.NOT_A_NUMBER, {"transactions": "abc"}),
    (Reason.WRONG_DAY, {"window_start": DAY_BEFORE}),
    (Reason.NON_POSITIVE_PRICE, {"close": "0"}),
    (Reason.NON_POSITIVE_VOLUME, {"volume": "-3"}),
    (Reason.HIGH_BELOW_LOW, {"high": "5", "low": "9"}),
    (Reason.OUTSIDE_RANGE, {"open": "20"}),
]
"""One change that breaks each rule."""


def test_each_rule_is_the_reason_when_it_and_all_later_ones_are_broken() -> None:
    rows = []
    for first in range(len(BROKEN)):
        row: dict[str, object] = dict(fields("OK"))
        for _, change in reversed(BROKEN[first:]):
            row |= change
        rows.append({name: str(value) for name, value in row.items()})

    day = judged(line("A"), *(",".join(row.values()) for row in rows), line("B"))

    assert stored(day) == ["A", "B"]
    assert [reason for _, _, reason in refusals(day)] == [reason for reason, _ in BROKEN]
    assert [number for number, _, _ in refusals(day)] == list(range(3, 3 + len(BROKEN)))
    assert [json.loads(text) for text in day.refused["row"]] == rows


def test_the_order_of_reasons_covers_all_but_duplicates() -> None:
    assert [reason for reason, _ in BROKEN] == [reason for reason in Reason if reason is not Reason.DUPLICATE]


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "-inf", "Infinity", "abc", "1e999", "0x10", "1 2", "1_0", "True", "null"]
)
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    rows = [fields("X", **{column: text}) for column in COLUMNS[1:]]

    day = judged(line("A"), *(",".join(row.values()) for row in rows), line("B"))

    assert stored(day) == ["A", "B"]
    assert refusals(day) == [(place, "X", Reason.NOT_A_NUMBER) for place in range(3, 10)]
    assert [json.loads(row) for row in day.refused["row"]] == rows


@pytest.mark.parametrize("column", COLUMNS[1:])
@pytest.mark.parametrize("text", ["nan", "inf", "abc", "True"])
def test_a_column_without_one_number_is_refused(column: str, text: str) -> None:
    day = judged(line("X", **{column: text}), line("Y", **{column: text}))

    assert refusals(day) == [(2, "X", Reason.NOT_A_NUMBER), (3, "Y", Reason.NOT_A_NUMBER)]


@pytest.mark.parametrize("column", ["volume", "open", "close", "high", "low", "window_start"])
def test_an_empty_number_is_refused(column: str) -> None:
    assert refusals(judged(line("A"), line("X", **{column: ""}))) == [(3, "X", Reason.NOT_A_NUMBER)]


@pytest.mark.parametrize("count", ["-1", "2147483648", "1e300", "2.5"])
def test_transactions_are_a_count_that_the_table_can_hold(count: str) -> None:
    assert refusals(judged(line("A", transactions="2147483647"), line("X", transactions=count))) == [
        (3, "X", Reason.NOT_A_NUMBER)
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"volume": "0"}, Reason.NON_POSITIVE_VOLUME, id="no volume"),
        pytest.param({"volume": "-0.0"}, Reason.NON_POSITIVE_VOLUME, id="minus no volume"),
        pytest.param({"volume": "-100"}, Reason.NON_POSITIVE_VOLUME, id="negative volume"),
        pytest.param({"open": "0"}, Reason.NON_POSITIVE_PRICE, id="zero open"),
        pytest.param({"close": "-11"}, Reason.NON_POSITIVE_PRICE, id="negative close"),
        pytest.param({"high": "0.0"}, Reason.NON_POSITIVE_PRICE, id="zero high"),
        pytest.param({"low": "0"}, Reason.NON_POSITIVE_PRICE, id="zero low"),
        pytest.param({"low": "-9"}, Reason.NON_POSITIVE_PRICE, id="negative low"),
        pytest.param({"high": "8.99"}, Reason.HIGH_BELOW_LOW, id="high below low"),
        pytest.param({"open": "12.0001"}, Reason.OUTSIDE_RANGE, id="open above high"),
        pytest.param({"open": "8.9999"}, Reason.OUTSIDE_RANGE, id="open below low"),
        pytest.param({"close": "12.0001"}, Reason.OUTSIDE_RANGE, id="close above high"),
        pytest.param({"close": "8.9999"}, Reason.OUTSIDE_RANGE, id="close below low"),
        pytest.param({"ticker": ""}, Reason.EMPTY_SYMBOL, id="no ticker"),
        pytest.param({"ticker": "X" * 30}, Reason.BAD_SYMBOL, id="30 characters"),
        pytest.param({"ticker": " A"}, Reason.BAD_SYMBOL, id="space"),
        pytest.param({"ticker": '"A"'}, Reason.BAD_SYMBOL, id="quotes"),
        pytest.param({"ticker": "ÄPFL"}, Reason.BAD_SYMBOL, id="not ASCII"),
        pytest.param({"window_start": DAY_BEFORE}, Reason.WRONG_DAY, id="day before"),
        pytest.param({"window_start": DAY_AFTER}, Reason.WRONG_DAY, id="day after"),
        pytest.param({"window_start": midnight(MONDAY) // 10**6}, Reason.WRONG_DAY, id="milliseconds"),
        pytest.param({"window_start": "0"}, Reason.WRONG_DAY, id="1970"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change: dict[str, object], reason: Reason) -> None:
    row = fields("X") | {name: str(value) for name, value in change.items()}

    day = judged(line("A"), ",".join(row.values()), line("B"))

    assert stored(day) == ["A", "B"]
    assert refusals(day) == [(3, row["ticker"] or None, reason)]
    assert json.loads(day.refused["row"].iloc[0]) == row


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"open": "9", "close": "12"}, id="open at low, close at high"),
        pytest.param({"open": "9", "close": "9", "high": "9", "low": "9"}, id="one price all day"),
        pytest.param({"open": "0.0001", "close": "0.0001", "high": "0.0001", "low": "0.0001"}, id="a tiny price"),
        pytest.param({"volume": "0.000001"}, id="a fraction of a share"),
    ],
)
def test_a_row_at_a_rules_edge_is_kept(change: dict[str, object]) -> None:
    assert stored(judged(line("X", **change))) == ["X"]


@pytest.mark.parametrize("symbol", ALWAYS_TEST)
@pytest.mark.parametrize("typed", [True, False])
def test_exchange_test_tickers_are_always_refused(symbol: str, typed: bool) -> None:
    day = judged(line(symbol), line("A"), typed=[symbol, "A"] if typed else ["A"])

    assert refusals(day) == [(2, symbol, Reason.TEST_TICKER)]


@pytest.mark.parametrize("symbol", TEST_UNLESS_TYPED)
def test_ambiguous_test_tickers_are_refused_only_without_a_type(symbol: str) -> None:
    assert refusals(judged(line(symbol), line("A"), typed=["A"])) == [(2, symbol, Reason.TEST_TICKER)]
    assert stored(judged(line(symbol), typed=[symbol])) == [symbol]


@pytest.mark.parametrize("session", [date(2024, 1, 10), MONDAY, date(2024, 3, 8), date(2024, 3, 11), date(2024, 11, 4)])
def test_a_bars_window_begins_within_its_new_york_day(session: date) -> None:
    first, end = midnight(session), midnight(session + timedelta(days=1))
    starts = {"EARLY": first - 10**9, "FIRST": first, "LAST": end - 10**9, "LATE": end}

    day = judged(*(line(symbol, window_start=start) for symbol, start in starts.items()), session=session)

    assert stored(day) == ["FIRST", "LAST"]
    assert refusals(day) == [(2, "EARLY", Reason.WRONG_DAY), (5, "LATE", Reason.WRONG_DAY)]


def test_midnight_in_new_york_is_0500_utc_in_winter_and_0400_in_summer() -> None:
    # The vendor's sample: 1678680000000000000 is 2023-03-13 04:00 UTC, the first Monday of summer time.
    assert midnight(date(2023, 3, 13)) == 1678680000000000000
    assert stored(judged(line(window_start=1678680000000000000), session=date(2023, 3, 13))) == ["AAPL"]
    assert stored(judged(line(window_start=1678510800000000000), session=date(2023, 3, 11))) == ["AAPL"]


def test_a_file_of_another_day_stores_nothing() -> None:
    day = judged(line("A"), line("B"), session=date(2024, 7, 2))

    assert (len(day.bars), [reason for _, _, reason in refusals(day)]) == (0, [Reason.WRONG_DAY] * 2)


# ---------------------------------------------------------------- duplicates


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param([("5", "10"), ("6", "10")], 1, id="more transactions"),
        pytest.param([("6", "10"), ("5", "99")], 0, id="transactions before volume"),
        pytest.param([("5", "10"), ("5", "11")], 1, id="then volume"),
        pytest.param([("5", "10"), ("7", "10"), ("6", "99")], 1, id="three"),
        pytest.param([("5", "10"), ("5", "12"), ("5", "11")], 1, id="three by volume"),
        pytest.param([("", "99"), ("1", "10")], 1, id="unknown is least"),
        pytest.param([("", "10"), ("", "11")], 1, id="all unknown: volume"),
        pytest.param([("10", "5"), ("9", "5")], 0, id="as numbers, not as text"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_of_a_symbols_rows_the_one_with_most_transactions_then_volume_is_kept(
    rows: list[tuple[str, str]], kept: int, backwards: bool
) -> None:
    lines = [
        line("DUP", transactions=count, volume=volume, close=f"{10 + n / 10}")
        for n, (count, volume) in enumerate(rows, start=1)
    ]
    order = list(range(len(rows)))[:: -1 if backwards else 1]

    day = judged(line("A"), *(lines[n] for n in order), line("B"))

    assert sorted(stored(day)) == ["A", "B", "DUP"]
    assert day.bars.set_index("symbol")["close"]["DUP"] == pytest.approx(10 + (kept + 1) / 10, abs=0)
    assert refusals(day) == [(3 + at, "DUP", Reason.DUPLICATE) for at, n in enumerate(order) if n != kept]


def test_of_equal_rows_one_is_kept() -> None:
    day = judged(line("DUP"), line("DUP"), line("DUP"))

    assert stored(day) == ["DUP"]
    assert [reason for _, _, reason in refusals(day)] == [Reason.DUPLICATE] * 2


def test_a_broken_row_is_no_rival_of_a_sound_one() -> None:
    day = judged(line("DUP", transactions="1"), line("DUP", transactions="9", low="20"))

    assert stored(day) == ["DUP"]
    assert refusals(day) == [(3, "DUP", Reason.HIGH_BELOW_LOW)]


# ---------------------------------------------------------------- lines that are no rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_blank_line_is_a_refused_row_and_moves_no_number(end: str) -> None:
    day = read_flat_file(file_of(line("A"), "", line("X", volume=0), line("B"), end=end), MONDAY)

    assert stored(day) == ["A", "B"]
    assert refusals(day) == [(3, None, Reason.EMPTY_SYMBOL), (4, "X", Reason.NON_POSITIVE_VOLUME)]
    assert json.loads(day.refused["row"].iloc[1])["ticker"] == "X"


@pytest.mark.parametrize("count", range(1, 7))
def test_a_line_with_too_few_fields_is_a_refused_row(count: int) -> None:
    short = line("X").split(",")[:count]

    day = judged(line("A"), ",".join(short), line("B", volume=0), line("C"))

    assert stored(day) == ["A", "C"]
    assert refusals(day) == [(3, "X", Reason.NOT_A_NUMBER), (4, "B", Reason.NON_POSITIVE_VOLUME)]
    assert json.loads(day.refused["row"].iloc[0]) == dict(zip(COLUMNS, short, strict=False))


def test_bytes_that_are_not_utf8_spoil_their_row_only() -> None:
    in_ticker = line("X~").encode().replace(b"~", b"\xff")
    in_number = line("Y", volume="1~").encode().replace(b"~", b"\xe9")
    text = b"\n".join([",".join(COLUMNS).encode(), line("A").encode(), in_ticker, in_number, line("B").encode(), b""])

    day = read_flat_file(gzip.compress(text), MONDAY)

    assert stored(day) == ["A", "B"]
    assert refusals(day) == [(3, "X\ufffd", Reason.BAD_SYMBOL), (4, "Y", Reason.NOT_A_NUMBER)]
    assert json.loads(day.refused["row"].iloc[1])["volume"] == "1\ufffd"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ticker": "A\0B"}, Reason.BAD_SYMBOL),
        ({"ticker": "\0"}, Reason.BAD_SYMBOL),
        ({"volume": "1\x000"}, Reason.NOT_A_NUMBER),
        ({"close": "11\0"}, Reason.NOT_A_NUMBER),
        ({"transactions": "\0"}, Reason.NOT_A_NUMBER),
    ],
)
def test_a_nul_byte_never_shortens_a_field(change: dict[str, str], reason: Reason) -> None:
    row = fields("X") | change

    day = judged(line("C"), ",".join(row.values()), line("D"))

    assert stored(day) == ["C", "D"]
    assert [(number, why) for number, _, why in refusals(day)] == [(3, reason)]
    # jsonb and text hold no NUL; the replacement character shows where it stood.
    assert json.loads(day.refused["row"].iloc[0]) == {name: text.replace("\0", "\ufffd") for name, text in row.items()}
    assert "\0" not in (day.refused["symbol"].iloc[0] or "")


@pytest.mark.parametrize("row", [fields("A\rB"), fields("X", volume="1\r2"), fields("X", low="\r")])
def test_a_stray_carriage_return_makes_no_second_row(row: dict[str, str]) -> None:
    day = judged(line("C"), ",".join(row.values()), line("D", volume=0), line("E"))

    assert stored(day) == ["C", "E"]
    assert day.rows_read == 4
    assert [number for number, _, _ in refusals(day)] == [3, 4]
    assert [json.loads(text) for text in day.refused["row"]] == [row, fields("D", volume=0)]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_field_of_100_000_characters_spoils_its_row_only(column: str) -> None:
    row = fields("X") | {column: "X" * 100_000}

    day = judged(line("A"), ",".join(row.values()), line("B"))

    assert stored(day) == ["A", "B"]
    (refused,) = refusals(day)
    assert refused[0] == 3
    assert refused[2] == (Reason.BAD_SYMBOL if column == "ticker" else Reason.NOT_A_NUMBER)
    assert json.loads(day.refused["row"].iloc[0]) == row


# ---------------------------------------------------------------- the rules again, in plain Python


def number(text: str) -> float:
    """The finite value of a decimal numeral, or NaN."""
    value = float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", text, re.ASCII) else math.nan
    return value if math.isfinite(value) else math.nan


def plain_reason(row: dict[str, str], typed: set[str]) -> Reason | None:
    """reference.md 1.4, row by row."""
    ticker = row.get("ticker", "")
    o, h, low, c = (number(row.get(name, "")) for name in ("open", "high", "low", "close"))
    volume, start = number(row.get("volume", "")), number(row.get("window_start", ""))
    count = row.get("transactions", "")
    rules: list[tuple[Reason, Callable[[], bool]]] = [
        (Reason.EMPTY_SYMBOL, lambda: ticker == ""),
        (Reason.BAD_SYMBOL, lambda: len(ticker) > 16 or not ticker[0].isalpha() or not ticker.isascii()),
        (Reason.TEST_TICKER, lambda: ticker in ALWAYS_TEST or (ticker in TEST_UNLESS_TYPED and ticker not in typed)),
        (
            Reason.NOT_A_NUMBER,
            lambda: any(map(math.isnan, (o, h, low, c, volume, start))) or (count != "" and not number(count) >= 0),
        ),
        (Reason.WRONG_DAY, lambda: not midnight(MONDAY) <= start < midnight(MONDAY + timedelta(days=1))),
        (Reason.NON_POSITIVE_PRICE, lambda: min(o, h, low, c) <= 0),
        (Reason.NON_POSITIVE_VOLUME, lambda: volume <= 0),
        (Reason.HIGH_BELOW_LOW, lambda: h < low),
        (Reason.OUTSIDE_RANGE, lambda: not low <= o <= h or not low <= c <= h),
    ]
    return next((reason for reason, broken in rules if broken()), None)


def plain_judgement(lines: list[str], typed: set[str]) -> tuple[dict[str, tuple[float, ...]], list[tuple[int, Reason]]]:
    """Stored bars by symbol, and (line, reason) of the others."""
    refused: list[tuple[int, Reason]] = []
    best: dict[str, tuple[int, dict[str, str]]] = {}

    def rank(row: dict[str, str]) -> tuple[float, float]:
        return (number(row["transactions"]) if row["transactions"] else -1.0, number(row["volume"]))

    for place, text in enumerate(lines, start=2):
        row = dict(zip(COLUMNS, text.split(","), strict=False))
        if reason := plain_reason(row, typed):
            refused.append((place, reason))
            continue
        row.setdefault("transactions", "")
        rival = best.get(row["ticker"])
        if rival is None or rank(row) > rank(rival[1]):
            best[row["ticker"]] = (place, row)
            loser = rival[0] if rival else None
        else:
            loser = place
        if loser is not None:
            refused.append((loser, Reason.DUPLICATE))
    prices = ("open", "high", "low", "close", "volume")
    return {s: tuple(number(row[name]) for name in prices) for s, (_, row) in best.items()}, sorted(refused)


GOOD_PRICES = st.sampled_from(["9", "9.5", "10", "10.25", "11", "12"])
PRICES = GOOD_PRICES | st.sampled_from(["0", "-1", "nan", "", "abc", "1e999"])
LINES = st.one_of(
    # Mostly sound, of few symbols, so that duplicates meet.
    st.builds(
        lambda s, v, o, c, n: line(s, volume=v, open=o, close=c, transactions=n),
        st.sampled_from(["A", "B", "BRK.B", "BACpL", "BACPL", "NA", "CBO", "ZZZ"]),
        st.sampled_from(["1", "17798.430378", "2e3", "250"]),
        GOOD_PRICES,
        GOOD_PRICES,
        st.sampled_from(["", "0", "1", "9", "10"]),
    ),
    st.builds(
        lambda s, v, o, c, h, low, w, n: line(
            s, volume=v, open=o, close=c, high=h, low=low, window_start=w, transactions=n
        ),
        st.sampled_from(["A", "B", "", "4X", "É", "X" * 17, "X" * 16, "ZVZZT", "IGZ"]),
        st.sampled_from(["5", "0", "-5", "inf", "nan", ""]),
        PRICES,
        PRICES,
        PRICES,
        PRICES,
        st.sampled_from([str(midnight(MONDAY))] * 4 + [str(DAY_BEFORE), str(DAY_AFTER), "", "noon"]),
        st.sampled_from(["", "7", "-1", "abc", "nan"]),
    ),
    st.just(""),
    st.integers(1, 7).map(lambda count: ",".join(line("A").split(",")[:count])),
)


@given(st.lists(LINES, min_size=1, max_size=30), st.sets(st.sampled_from(["A", *TEST_UNLESS_TYPED])))
@settings(UNTIMED, max_examples=80)
def test_judgement_is_that_of_the_rules_in_plain_python(lines: list[str], typed: set[str]) -> None:
    lines = [line("FIRST"), *lines]

    day = judged(*lines, typed=sorted(typed))

    bars, refused = plain_judgement(lines, typed)
    got = {bar.symbol: (bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in day.bars.itertuples()}
    assert got == bars
    assert [(place, reason) for place, _, reason in refusals(day)] == refused
    assert day.rows_read == len(lines) == len(day.bars) + len(day.refused)
    assert day.bars["symbol"].is_unique
    for place, text in zip(day.refused["line"], day.refused["row"], strict=True):
        assert json.loads(text) == dict(zip(COLUMNS, lines[place - 2].split(","), strict=False))


# ---------------------------------------------------------------- REST grouped daily

OCTOBER = date(2020, 10, 14)
VENDORS_EXAMPLE: dict[str, Any] = {
    # The vendor's OpenAPI example of /v2/aggs/grouped/locale/us/market/stocks/{date}, asked for unadjusted.
    "adjusted": False,
    "queryCount": 3,
    "results": [
        {"T": "KIMpL", "c": 25.9102, "h": 26.25, "l": 25.91, "n": 74, "o": 26.07, "t": 1602705600000, "v": 4369,
         "vw": 26.0407},
        {"T": "TANH", "c": 23.4, "h": 24.763, "l": 22.65, "n": 1096, "o": 24.5, "t": 1602705600000, "v": 25933.6,
         "vw": 23.493},
        {"T": "VSAT", "c": 34.24, "h": 35.47, "l": 34.21, "n": 4966, "o": 34.9, "t": 1602705600000, "v": 312583,
         "vw": 34.4736},
    ],
    "resultsCount": 3,
    "status": "OK",
}  # fmt: skip


def result(symbol: str = "A", **changed: object) -> dict[str, Any]:
    return {"T": symbol, "v": 10, "vw": 10.5, "o": 10, "c": 11, "h": 12, "l": 9, "t": 1602705600000, "n": 3} | changed


def grouped(*results: dict[str, Any], **page: object) -> JudgedDay:
    return read_grouped_daily({"adjusted": False, "results": list(results)} | page, OCTOBER)


def test_the_vendors_example_is_three_bars_at_the_end_of_their_day() -> None:
    day = read_grouped_daily(VENDORS_EXAMPLE, OCTOBER)

    assert (day.session, day.source, day.rows_read, len(day.refused)) == (OCTOBER, Source.REST, 3, 0)
    assert day.bars.to_dict("records") == [
        {
            "symbol": r["T"], "open": r["o"], "high": r["h"], "low": r["l"], "close": r["c"], "volume": r["v"],
            "vwap": r["vw"], "transactions": r["n"],
        }
        for r in VENDORS_EXAMPLE["results"]
    ]  # fmt: skip


def test_the_vendors_example_is_of_no_other_day() -> None:
    day = read_grouped_daily(VENDORS_EXAMPLE, date(2020, 10, 15))

    assert len(day.bars) == 0
    assert refusals(day) == [(n, r["T"], Reason.WRONG_DAY) for n, r in enumerate(VENDORS_EXAMPLE["results"], start=1)]


@pytest.mark.parametrize("absent", ["left out", "null"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_vwap_and_transactions_may_be_missing(absent: str, everywhere: bool) -> None:
    bare = result("A")
    for name in ("vw", "n"):
        if absent == "null":
            bare[name] = None
        else:
            del bare[name]

    day = grouped(bare, *([] if everywhere else [result("B")]))

    assert day.refused.empty
    assert day.bars.loc[0, ["vwap", "transactions"]].isna().all()
    if not everywhere:
        assert day.bars.loc[1, ["vwap", "transactions"]].tolist() == [10.5, 3]


@pytest.mark.parametrize("name", ["v", "o", "c", "h", "l", "t"])
@pytest.mark.parametrize("value", [None, "abc", "nan", float("nan"), float("inf")])
def test_a_result_without_a_number_is_refused(name: str, value: object) -> None:
    day = grouped(result("A"), result("X", **{name: value}))

    assert stored(day) == ["A"]
    assert refusals(day) == [(2, "X", Reason.NOT_A_NUMBER)]
    assert json.loads(day.refused["row"].iloc[0]).keys() == result().keys()


@pytest.mark.parametrize("name", ["T", "v", "o", "c", "h", "l", "t"])
def test_a_result_without_a_field_is_refused(name: str) -> None:
    bare = result("X")
    del bare[name]

    day = grouped(result("A"), bare)

    assert stored(day) == ["A"]
    assert [(place, why) for place, _, why in refusals(day)] == [
        (2, Reason.EMPTY_SYMBOL if name == "T" else Reason.NOT_A_NUMBER)
    ]


def test_results_keep_the_same_rules() -> None:
    day = grouped(
        result("BACpL"), result("BACPL"), result("ZVZZT"), result("X", v=0), result("DUP", n=1), result("DUP", n=2)
    )

    assert stored(day) == ["BACpL", "BACPL", "DUP"]
    assert refusals(day) == [
        (3, "ZVZZT", Reason.TEST_TICKER),
        (4, "X", Reason.NON_POSITIVE_VOLUME),
        (5, "DUP", Reason.DUPLICATE),
    ]


def test_a_results_window_may_end_anywhere_in_its_new_york_day() -> None:
    first, end = midnight(OCTOBER) // 10**6, midnight(OCTOBER + timedelta(days=1)) // 10**6

    day = grouped(result("E", t=first - 1), result("F", t=first), result("G", t=end - 1), result("H", t=end))

    assert stored(day) == ["F", "G"]


def test_unknown_fields_are_ignored_and_kept_in_refused_rows() -> None:
    day = grouped(result("A", otc=True), result("X", otc=True, v=-1))

    assert stored(day) == ["A"]
    assert json.loads(day.refused["row"].iloc[0])["otc"] == "True"


@given(st.lists(st.tuples(st.floats(1e-4, 1e15), st.floats(1e-4, 1e15)), min_size=1, max_size=10))
@settings(UNTIMED, max_examples=30)
def test_every_number_of_a_result_is_kept_to_the_bit(numbers: list[tuple[float, float]]) -> None:
    day = grouped(*(result("S" * (n + 1), o=p, c=p, h=p, l=p, vw=p, v=v) for n, (p, v) in enumerate(numbers)))

    assert [(bits(b.open), bits(b.high), bits(b.low), bits(b.close), bits(b.vwap)) for b in day.bars.itertuples()] == [
        (bits(price),) * 5 for price, _ in numbers
    ]
    assert [bits(volume) for volume in day.bars["volume"]] == [bits(volume) for _, volume in numbers]


def test_adjusted_results_are_refused() -> None:
    with pytest.raises(DayFileError, match="adjusted") as refused:
        grouped(result(), adjusted=True)
    assert str(OCTOBER) in str(refused.value)


@pytest.mark.parametrize("page", [{}, {"results": []}, {"results": None}, {"status": "OK", "resultsCount": 0}])
def test_a_page_without_results_is_refused(page: dict[str, Any]) -> None:
    with pytest.raises(DayFileError, match=str(OCTOBER)):
        read_grouped_daily(page, OCTOBER)
