"""Reference pages in the vendor's JSON: chains of pages, lives, and the factors of splits."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_resources.sessions import session_offset
from kapman_resources.simulation.reference import PAGE_ROWS, ExecutedSplit, pages, split_rows
from tests.unit.simulation.markets import FIRST, LAST, WATCHED, label, rest_pages


def luhn_over_base_36(identifier: str) -> int:
    """The check digit of a FIGI, written from the standard's text: every second value doubled from the right."""
    total = 0
    for place, letter in enumerate(reversed(identifier[:11])):
        value = int(letter, 36) * (2 if place % 2 == 1 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10


def test_the_check_digit_is_the_standards() -> None:
    # Identifiers of A and AA in the vendor's own sample page.
    assert [luhn_over_base_36(figi) for figi in ("BBG000C2V3D6", "BBG00B3T3HD3")] == [6, 3]


def test_ticker_rows_have_the_vendors_fields(clean_market: Path) -> None:
    rows = [row for page in rest_pages(clean_market, "v3/reference/tickers") for row in page["results"]]
    fields = {
        *("ticker", "name", "market", "locale", "primary_exchange", "type", "active", "currency_name", "cik"),
        *("composite_figi", "share_class_figi", "last_updated_utc"),
    }
    for row in rows:
        assert set(row) == (fields if row["active"] else fields | {"delisted_utc"})
        assert row["primary_exchange"] in {"XNYS", "XNAS", "ARCX"}
        assert re.fullmatch(r"\d{10}", row["cik"])
        for figi in (row["composite_figi"], row["share_class_figi"]):
            assert re.fullmatch(r"BBG[0-9A-Z]{8}\d", figi)
            assert int(figi[-1]) == luhn_over_base_36(figi)
    assert len({row["ticker"] for row in rows}) == len(rows)
    assert len({row["composite_figi"] for row in rows}) == len(rows)


def test_lives_agree_with_the_labels(clean_market: Path) -> None:
    rows = {row["ticker"]: row for page in rest_pages(clean_market, "v3/reference/tickers") for row in page["results"]}
    listings = label(clean_market, "listings.csv")
    for life in listings:
        row = rows.pop(life["symbol"])
        assert row["active"] == (life["delisted"] == "")
        assert row["type"] == life["type"]
        if life["delisted"]:
            assert row["delisted_utc"] == f"{life['delisted']}T00:00:00Z"
    # Every second dead name is left, as inactive since before the market.
    assert set(rows) == {"DEAD", "OVER"}
    for row in rows.values():
        assert row["delisted_utc"] == f"{session_offset(FIRST, -1)}T00:00:00Z"
    assert {name.symbol for name in WATCHED} & {life["symbol"] for life in listings} == {
        *("SPY", "QQQ", "GLD", "AAA", "BBB")
    }
    assert all(life["listed"] <= str(LAST) for life in listings)


@given(count=st.integers(0, 3 * PAGE_ROWS))
def test_pages_hold_every_row_once_and_name_the_next(count: int) -> None:
    rows = [{"ticker": str(number)} for number in range(count)]
    made = list(pages("v3/reference/tickers", rows))
    assert [row for page in made for row in page["results"]] == rows
    assert len(made) == max(1, -(-count // PAGE_ROWS))
    assert all(page["count"] == len(page["results"]) <= PAGE_ROWS for page in made)
    assert all(page["status"] == "OK" and page["request_id"] for page in made)
    links = [page.get("next_url") for page in made]
    assert links[-1] is None
    beginning = "https://api.massive.com/v3/reference/tickers?cursor="
    assert all(str(link).startswith(beginning) for link in links[:-1])
    assert len(set(links)) == len(links)


def test_factors_are_products_over_the_split_and_all_later_ones() -> None:
    rows = split_rows(
        [
            ExecutedSplit("X", date(2025, 1, 2), 1, 2),
            ExecutedSplit("Y", date(2025, 2, 3), 1, 4),
            ExecutedSplit("X", date(2025, 3, 3), 10, 1),
            ExecutedSplit("X", date(2025, 4, 1), 2, 3),
        ]
    )
    assert [(row["ticker"], row["execution_date"]) for row in rows] == [
        ("X", "2025-04-01"),
        ("X", "2025-03-03"),
        ("Y", "2025-02-03"),
        ("X", "2025-01-02"),
    ]
    factors = [row["historical_adjustment_factor"] for row in rows]
    assert factors == pytest.approx([2 / 3, 10 * 2 / 3, 0.25, 0.5 * 10 * 2 / 3])
    assert [row["adjustment_type"] for row in rows] == [
        *("forward_split", "reverse_split", "forward_split", "forward_split")
    ]
    assert len({row["id"] for row in rows}) == len(rows)


def test_split_pages_agree_with_the_labels(market: Path) -> None:
    rows = [row for page in rest_pages(market, "stocks/v1/splits") for row in page["results"]]
    listed = {(row["ticker"], row["execution_date"], row["split_from"], row["split_to"]) for row in rows}
    assert listed == {
        (row["symbol"], row["session"], int(row["split_from"]), int(row["split_to"]))
        for row in label(market, "splits.csv")
    }
