"""The vendor's pages of chains: layout, rows, and numbers recomputed from what the rows themselves say."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest

from kapman_resources.sessions import sessions_between
from tests.unit.simulation.markets import (
    CHAIN_FIRST,
    CHAIN_WATCHED,
    DEAD,
    LAST,
    WITHOUT_OPTIONS,
    bars,
    chain_pages,
    label,
)

Row = dict[str, Any]
Chains = dict[tuple[date, str], list[Row]]

SESSIONS = sessions_between(CHAIN_FIRST, LAST)


@pytest.fixture(scope="module")
def pages(chain_market: Path) -> dict[tuple[date, str], list[dict[str, Any]]]:
    return chain_pages(chain_market)


@pytest.fixture(scope="module")
def chains(pages: dict[tuple[date, str], list[dict[str, Any]]]) -> Chains:
    return {key: [row for page in found for row in page["results"]] for key, found in pages.items()}


@pytest.fixture(scope="module")
def spots(chain_market: Path) -> dict[tuple[date, str], float]:
    rows = bars(chain_market)
    return {(row.session, row.ticker): row.close for row in rows.itertuples()}


@pytest.fixture(scope="module")
def splits(chain_market: Path, chains: Chains) -> dict[tuple[date, str], float]:
    """New shares for an old one, of the splits that met listed contracts, by session and symbol."""
    found = {
        (date.fromisoformat(split["session"]), split["symbol"]): int(split["split_to"]) / int(split["split_from"])
        for split in label(chain_market, "splits.csv")
    }
    return {key: ratio for key, ratio in found.items() if chains.get(key) and key[0] > SESSIONS[0]}


def every_row(chains: Chains) -> Iterator[tuple[date, str, Row]]:
    for (session, symbol), rows in chains.items():
        for row in rows:
            yield session, symbol, row


def days_to(session: date, row: Row) -> int:
    return (date.fromisoformat(row["details"]["expiration_date"]) - session).days


def midnight(session: date) -> int:
    start = datetime(session.year, session.month, session.day, tzinfo=ZoneInfo("America/New_York"))
    return int(start.timestamp()) * 10**9


def normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def test_every_watched_name_has_a_take_at_twenty_past_four(chain_market: Path) -> None:
    root = chain_market / "rest/v3/snapshot/options"
    assert sorted(path.name for path in root.iterdir()) == [str(session) for session in SESSIONS]
    for session in SESSIONS:
        takes = {path.name: [take.name for take in path.iterdir()] for path in (root / str(session)).iterdir()}
        at = datetime(session.year, session.month, session.day, 16, 20, tzinfo=ZoneInfo("America/New_York"))
        name = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        assert takes == {watched.symbol: [name] for watched in CHAIN_WATCHED}


def test_pages_are_full_and_chained(pages: dict[tuple[date, str], list[dict[str, Any]]]) -> None:
    assert max(map(len, pages.values())) > 1
    identifiers = [page["request_id"] for found in pages.values() for page in found]
    assert len(set(identifiers)) == len(identifiers)
    for (_, symbol), found in pages.items():
        *others, last = found
        assert "next_url" not in last
        for page in others:
            assert len(page["results"]) == 250
            address = urlsplit(page["next_url"])
            assert (address.scheme, address.netloc) == ("https", "api.massive.com")
            assert address.path == f"/v3/snapshot/options/{symbol}"
            assert set(parse_qs(address.query)) == {"cursor"}
        assert len({page["next_url"] for page in others}) == len(others)
        assert {page["status"] for page in found} == {"OK"}
        tickers = [row["details"]["ticker"] for page in found for row in page["results"]]
        assert tickers == sorted(tickers)


def test_names_without_options_have_one_empty_page(pages: dict[tuple[date, str], list[dict[str, Any]]]) -> None:
    for (session, symbol), found in pages.items():
        if symbol in (*DEAD, *WITHOUT_OPTIONS):
            assert [page["results"] for page in found] == [[]], (session, symbol)
        else:
            assert all(page["results"] for page in found)


def test_every_object_that_may_be_missing_is_missing_somewhere(chains: Chains) -> None:
    always = {"break_even_price", "day", "details", "open_interest", "underlying_asset"}
    seen = defaultdict(int)
    days, underlyings = set(), set()
    for session, symbol, row in every_row(chains):
        assert always <= set(row) <= always | {"greeks", "implied_volatility"}
        greeks = row.get("greeks")
        assert not greeks or set(greeks) == {"delta", "gamma", "theta", "vega"}
        is_zero = bool(greeks) and not any(greeks.values())
        seen["greeks absent"] += greeks is None
        seen["greeks empty"] += greeks == {}
        seen["greeks zero"] += is_zero
        seen["volatility absent"] += "implied_volatility" not in row
        seen["volatility zero"] += row.get("implied_volatility") == 0
        seen["only volatility absent"] += bool(greeks) and "implied_volatility" not in row
        seen["rows"] += 1
        days.add(frozenset(row["day"]))
        underlying = row["underlying_asset"]
        assert (underlying["ticker"], underlying["timeframe"]) == (symbol, "DELAYED")
        underlyings.add(frozenset(underlying))
        if days_to(session, row) == 0:
            assert not greeks
    assert all(seen.values()), seen
    assert 0.02 < (seen["greeks absent"] + seen["greeks empty"]) / seen["rows"] < 0.1
    bar = frozenset({"close", "high", "last_updated", "low", "open", "volume", "vwap"})
    assert days == {frozenset(), bar, bar | {"change", "change_percent", "previous_close"}}
    assert underlyings == {
        frozenset({"ticker", "timeframe"}),
        frozenset({"ticker", "timeframe", "price", "last_updated", "change_to_break_even"}),
    }


def test_tickers_are_occ_symbols_and_unique(chains: Chains) -> None:
    for (session, symbol), rows in chains.items():
        tickers = [row["details"]["ticker"] for row in rows]
        assert len(set(tickers)) == len(tickers), (session, symbol)
        for row in rows:
            details = row["details"]
            root = symbol.replace(".", "")
            found = re.fullmatch(rf"O:{root}([1-9]?)(\d{{6}})([CP])(\d{{8}})", details["ticker"])
            assert found, details
            digit, day, kind, strike = found.groups()
            assert day == date.fromisoformat(details["expiration_date"]).strftime("%y%m%d")
            assert kind == {"call": "C", "put": "P"}[details["contract_type"]]
            assert int(strike) == round(details["strike_price"] * 1000)
            assert details["exercise_style"] == "american"
            assert (details["shares_per_contract"] == 100) == (digit == "")


def test_expiries_are_sessions_and_reach_around_every_horizon(chains: Chains) -> None:
    calendar = exchange_calendars.get_calendar("XNYS", end="2028-12-31")
    expiries = {row["details"]["expiration_date"] for _, _, row in every_row(chains)}
    assert all(calendar.is_session(day) for day in expiries)
    # The third Friday of June 2026 is a holiday.
    assert "2026-06-18" in expiries
    for (session, symbol), rows in chains.items():
        if rows:
            days = {days_to(session, row) for row in rows}
            assert min(days) >= 0
            assert any(0 < day <= 30 for day in days), (session, symbol)
            assert any(90 < day <= 120 for day in days), (session, symbol)
            assert any(day > 120 for day in days), (session, symbol)
            assert (0 in days) >= (session == date(2026, 2, 20)), (session, symbol)


def test_a_contract_stays_listed_until_its_last_day(chains: Chains, splits: dict[tuple[date, str], float]) -> None:
    for session, following in pairwise(SESSIONS):
        for symbol in {symbol for _, symbol in chains if (following, symbol) not in splits}:
            before = {row["details"]["ticker"]: days_to(session, row) for row in chains[session, symbol]}
            after = {row["details"]["ticker"] for row in chains[following, symbol]}
            assert before.keys() - after == {ticker for ticker, days in before.items() if days == 0}


def test_greeks_follow_from_the_volatility_and_the_close(chains: Chains, spots: dict[tuple[date, str], float]) -> None:
    checked = 0
    for session, symbol, row in every_row(chains):
        greeks, volatility = row.get("greeks"), row.get("implied_volatility")
        if (
            session not in SESSIONS[::3]
            or not (greeks and volatility and greeks["gamma"])
            or (session, symbol) not in spots
        ):
            continue
        spot, strike = spots[session, symbol], row["details"]["strike_price"]
        sign = 1 if row["details"]["contract_type"] == "call" else -1
        years = days_to(session, row) / 365
        deviation = volatility * math.sqrt(years)
        d1 = (math.log(spot / strike) + volatility**2 / 2 * years) / deviation
        density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
        price = sign * (spot * normal(sign * d1) - strike * normal(sign * (d1 - deviation)))
        assert greeks["delta"] == pytest.approx(sign * normal(sign * d1), abs=1e-6)
        assert greeks["gamma"] == pytest.approx(density / (spot * deviation), abs=1e-8)
        assert greeks["theta"] == pytest.approx(-spot * density * volatility / 2 / math.sqrt(years) / 365, abs=1e-6)
        assert greeks["vega"] == pytest.approx(spot * density * math.sqrt(years) / 100, abs=1e-6)
        assert row["break_even_price"] == pytest.approx(strike + sign * price, abs=1e-4)
        if row["day"].get("last_updated") == midnight(session):
            assert row["day"]["close"] == pytest.approx(max(price, 0.01), abs=0.005001)
        if "price" in row["underlying_asset"]:
            assert row["underlying_asset"]["price"] == spot
        checked += 1
    assert checked > 5000


def test_day_bars_are_whole_fresh_or_as_they_were(chains: Chains, splits: dict[tuple[date, str], float]) -> None:
    stale = fresh = 0
    bars_of: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for session, symbol, row in every_row(chains):
        day, ticker = row["day"], row["details"]["ticker"]
        last = bars_of[symbol]
        if (session, symbol) in splits:
            # A new contract may have the ticker of one that has been adjusted.
            last.clear()
        if not day:
            assert ticker not in last
            continue
        assert day["low"] <= min(day["open"], day["close"]) <= max(day["open"], day["close"]) <= day["high"]
        assert day["low"] <= day["vwap"] <= day["high"]
        assert isinstance(day["volume"], int)
        assert day["volume"] > 0
        if day["last_updated"] == midnight(session):
            fresh += 1
            if ticker in last:
                assert day["previous_close"] == last[ticker]["close"]
                assert day["change"] == pytest.approx(day["close"] - last[ticker]["close"], abs=1e-4)
        else:
            stale += 1
            assert day["last_updated"] < midnight(session)
            assert day == last.get(ticker, day), (session, symbol)
        last[ticker] = day
    assert 0.15 < fresh / (fresh + stale) < 0.85


def test_closes_of_calls_and_puts_are_in_parity(chains: Chains, spots: dict[tuple[date, str], float]) -> None:
    pairs = 0
    for (session, symbol), rows in chains.items():
        closes: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
        for row in rows:
            details = row["details"]
            if row["day"].get("last_updated") == midnight(session) and row["day"]["close"] > 0.01:
                key = (details["expiration_date"], details["strike_price"], details["shares_per_contract"])
                closes[key][details["contract_type"]] = row["day"]["close"]
        for (_, strike, _), sides in closes.items():
            if len(sides) == 2:
                parity = sides["call"] - sides["put"] - (spots[session, symbol] - strike)
                # Each close is rounded to a cent.
                assert abs(parity) <= 0.0101
                pairs += 1
    assert pairs > 1000


def test_open_interest_changes_by_no_more_than_the_volume(
    chains: Chains, splits: dict[tuple[date, str], float]
) -> None:
    unchanged = changed = 0
    for session, following in pairwise(SESSIONS):
        for symbol in {symbol for _, symbol in chains if (following, symbol) not in splits}:
            after = {row["details"]["ticker"]: row["open_interest"] for row in chains[following, symbol]}
            for row in chains[session, symbol]:
                held = row["open_interest"]
                assert isinstance(held, int)
                assert held >= 0
                volume = row["day"]["volume"] if row["day"].get("last_updated") == midnight(session) else 0
                difference = abs(after.get(row["details"]["ticker"], held) - held)
                assert difference <= volume
                unchanged += difference == 0
                changed += difference > 0
    assert changed > 1000
    assert unchanged > 1000


def test_most_calls_are_held_above_the_spot_and_most_puts_below(
    chains: Chains, spots: dict[tuple[date, str], float]
) -> None:
    held: dict[tuple[str, bool], int] = defaultdict(int)
    for session, symbol, row in every_row(chains):
        if (session, symbol) in spots:
            details = row["details"]
            held[details["contract_type"], details["strike_price"] > spots[session, symbol]] += row["open_interest"]
    assert held["call", True] > 1.5 * held["call", False]
    assert held["put", False] > 1.5 * held["put", True]


def test_a_split_adjusts_the_contracts_and_lists_new_ones(
    chains: Chains, splits: dict[tuple[date, str], float]
) -> None:
    assert len(splits) >= 3
    for (day, symbol), ratio in splits.items():
        old = {
            (row["details"]["expiration_date"], row["details"]["contract_type"], row["details"]["strike_price"])
            for row in chains[SESSIONS[SESSIONS.index(day) - 1], symbol]
            if row["details"]["shares_per_contract"] == 100
        }
        shares = [row["details"]["shares_per_contract"] for row in chains[day, symbol]]
        assert 100 in shares
        assert 100 * ratio in shares
        for row in chains[day, symbol]:
            details = row["details"]
            if details["shares_per_contract"] != 100 * ratio:
                continue
            assert re.match(r"O:[A-Z]+[1-9]\d{6}[CP]", details["ticker"])
            assert row["day"].get("last_updated", midnight(day)) == midnight(day)
            strikes = [
                strike
                for expiry, kind, strike in old
                if (expiry, kind) == (details["expiration_date"], details["contract_type"])
            ]
            # Strikes are rounded to a thousandth.
            assert min(abs(strike / ratio - details["strike_price"]) for strike in strikes) <= 0.0005001


def test_some_names_always_carry_adjusted_contracts(chains: Chains) -> None:
    for session in SESSIONS:
        shares = [row["details"]["shares_per_contract"] for row in chains[session, "AAA"]]
        assert 0 < sum(count != 100 for count in shares) < len(shares)
