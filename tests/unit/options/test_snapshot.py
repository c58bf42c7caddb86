"""The vendor's chain pages as contracts: every case that reference §2 and §7 know."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kapman_assets.options.snapshot import COLUMNS, Snapshots, read_snapshots, within_bounds

SESSION = date(2026, 8, 21)
NANO = 10**9

# The row of the vendor's documentation, re-typed for a session of 2026.
ROW: dict[str, Any] = {
    "break_even_price": 179.075,
    "day": {
        "change": -2.39,
        "close": 29,
        "high": 32.25,
        "last_updated": int(datetime(2026, 8, 21, 4, tzinfo=UTC).timestamp()) * NANO,
        "low": 28,
        "open": 29.99,
        "volume": 8,
        "vwap": 30.7738,
    },
    "details": {
        "contract_type": "call",
        "exercise_style": "american",
        "expiration_date": "2026-09-18",
        "shares_per_contract": 100,
        "strike_price": 150,
        "ticker": "O:AAPL260918C00150000",
    },
    "greeks": {"delta": 0.6437, "gamma": 0.00617, "theta": -0.0282, "vega": 0.6381},
    "implied_volatility": 0.3570,
    "last_quote": {
        "ask": 29.25,
        "ask_size": 209,
        "bid": 28.9,
        "bid_size": 294,
        "last_updated": int(datetime(2026, 8, 21, 20, tzinfo=UTC).timestamp()) * NANO,
    },
    "last_trade": {
        "price": 29.2,
        "sip_timestamp": int(datetime(2026, 8, 21, 19, 59, tzinfo=UTC).timestamp()) * NANO,
        "size": 1,
    },
    "open_interest": 8133,
    "underlying_asset": {"last_updated": 5, "price": 159.9606, "ticker": "AAPL", "timeframe": "DELAYED"},
}


def changed(**paths: Any) -> dict[str, Any]:
    """The documentation's row with other values: `day__volume=3`; `...` removes the field."""
    row = deepcopy(ROW)
    for path, value in paths.items():
        *parents, name = path.split("__")
        place = row
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return row


def read(*rows: dict[str, Any], symbol: str = "AAPL", session: date = SESSION) -> Snapshots:
    return read_snapshots({symbol: [{"status": "OK", "results": list(rows)}]}, session)


def only(**paths: Any) -> dict[str, Any]:
    """The one contract that a changed row becomes, unknown values as None."""
    rows = read(changed(**paths)).rows
    assert len(rows) == 1
    return {name: None if pd.isna(value) else value for name, value in rows.iloc[0].items()}


def test_a_whole_row_is_read_to_the_last_field() -> None:
    snapshots = read(ROW)
    assert tuple(snapshots.rows.columns) == COLUMNS
    assert only() == {
        "symbol": "AAPL",
        "contract": "O:AAPL260918C00150000",
        "expiration_date": date(2026, 9, 18),
        "strike": 150,
        "contract_type": "call",
        "multiplier": 100,
        "open_interest": 8133,
        "volume": 8,
        "open": 29.99,
        "high": 32.25,
        "low": 28,
        "close": 29,
        "vwap": 30.7738,
        "bid": 28.9,
        "ask": 29.25,
        "bid_size": 294,
        "ask_size": 209,
        "quoted_at": pd.Timestamp("2026-08-21 20:00", tz="UTC"),
        "last": 29.2,
        "traded_at": pd.Timestamp("2026-08-21 19:59", tz="UTC"),
        "implied_volatility": 0.3570,
        "delta": 0.6437,
        "gamma": 0.00617,
        "theta": -0.0282,
        "vega": 0.6381,
        "break_even": 179.075,
        "is_standard": True,
    }
    assert snapshots.underlying_prices == {"AAPL": 159.9606}
    assert snapshots.refused == {}


@pytest.mark.parametrize("part", ["day", "greeks", "last_quote", "last_trade", "underlying_asset"])
@pytest.mark.parametrize("left", [..., {}, None, "gone", 3, []])
def test_every_nested_object_may_be_missing_or_nonsense(part: str, left: object) -> None:
    row = only(**{part: left})
    of_part = {
        "day": ("open", "high", "low", "close", "vwap"),
        "greeks": ("delta", "gamma", "theta", "vega"),
        "last_quote": ("bid", "ask", "bid_size", "ask_size", "quoted_at"),
        "last_trade": ("last", "traded_at"),
        "underlying_asset": (),
    }[part]
    assert all(row[name] is None for name in of_part)
    assert row["open_interest"] == 8133
    # A contract without a day bar was never traded: that is a volume of 0 and not an unknown one.
    assert row["volume"] == (0 if part == "day" else 8)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"implied_volatility": 0}, "implied_volatility"),
        ({"greeks__gamma": 0}, "gamma"),
        ({"greeks__delta": 0}, "delta"),
        ({"greeks__delta": 1.7}, "delta"),
        ({"greeks__gamma": -0.1}, "gamma"),
        ({"last_quote__bid": 0}, "bid"),
        ({"open_interest": None}, "open_interest"),
        ({"open_interest": -5}, "open_interest"),
        ({"open_interest": "many"}, "open_interest"),
        ({"open_interest": 1e300}, "open_interest"),
        ({"day__close": "NaN"}, "close"),
        ({"last_quote__last_updated": -1}, "quoted_at"),
        ({"last_quote__last_updated": 1e30}, "quoted_at"),
        ({"details__shares_per_contract": 0}, "multiplier"),
    ],
)
def test_a_value_that_cannot_be_is_unknown(changes: dict[str, Any], column: str) -> None:
    assert only(**changes)[column] is None


def test_zero_open_interest_is_a_fact() -> None:
    assert only(open_interest=0)["open_interest"] == 0


def moment(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * NANO  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("updated", "volume", "close", "refused"),
    [
        # Midnight in New York: 04:00 UTC in summer. An hour before it is the session before.
        (moment(2026, 8, 21, 4), 8, 29, {}),
        (moment(2026, 8, 21, 20), 8, 29, {}),
        (moment(2026, 8, 21, 3), 0, None, {}),
        (moment(2026, 8, 20, 4), 0, None, {}),
        (moment(2026, 8, 24, 4), None, None, {"day bar is of a later session": 1}),
        (..., None, None, {"day bar has no date": 1}),
    ],
)
def test_a_day_bar_counts_only_in_its_own_session(
    updated: object, volume: float | None, close: float | None, refused: dict[str, int]
) -> None:
    changes = {"day__last_updated": updated}
    row = only(**changes)
    assert (row["volume"], row["close"]) == (volume, close)
    assert read(changed(**changes)).refused.get("AAPL", {}) == refused


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"details__ticker": ...}, "no contract ticker"),
        ({"details__ticker": ""}, "no contract ticker"),
        ({"details__ticker": 7}, "no contract ticker"),
        ({"details": ...}, "no contract ticker"),
        ({"details__expiration_date": ...}, "no expiration date"),
        ({"details__expiration_date": "2026-13-45"}, "no expiration date"),
        ({"details__expiration_date": "2026-08-20"}, "expired before the session"),
        ({"details__strike_price": 0}, "strike is not positive"),
        ({"details__strike_price": -5}, "strike is not positive"),
        ({"details__strike_price": ...}, "strike is not positive"),
        ({"details__strike_price": float("inf")}, "strike is not positive"),
        ({"details__contract_type": "warrant"}, "unknown contract type"),
    ],
)
def test_what_cannot_be_a_contract_is_refused_and_counted(changes: dict[str, Any], reason: str) -> None:
    snapshots = read(changed(**changes), changed(details__ticker="O:AAPL260918C00160000"))
    assert snapshots.rows["contract"].tolist() == ["O:AAPL260918C00160000"]
    assert snapshots.refused == {"AAPL": {reason: 1}}


def test_a_contract_that_expires_in_the_session_is_kept() -> None:
    assert only(details__expiration_date="2026-08-21")["expiration_date"] == SESSION


def test_of_a_contract_sent_twice_the_later_row_counts() -> None:
    snapshots = read(ROW, changed(open_interest=9))
    assert snapshots.rows["open_interest"].tolist() == [9]
    assert snapshots.refused == {"AAPL": {"same contract again": 1}}


def test_an_implausible_volatility_is_unknown_and_counted() -> None:
    snapshots = read(changed(implied_volatility=1e6))
    assert snapshots.rows["implied_volatility"].isna().all()
    assert snapshots.refused == {"AAPL": {"implied volatility is implausible": 1}}


@pytest.mark.parametrize(
    ("symbol", "ticker", "shares", "standard"),
    [
        ("XYZ", "O:XYZ260918C00150000", 100, True),
        ("XYZ", "O:XYZ1260918C00150000", 100, False),
        ("XYZ", "O:XYZ260918C00150000", 10, False),
        ("XYZ", "O:XYZ260918C00150000", ..., False),
        ("BRK.B", "O:BRKB260918C00150000", 100, True),
        ("BRK-B", "O:BRKB260918C00150000", 100, True),
        ("I:SPX", "O:SPX260918C05000000", 100, True),
        ("I:SPX", "O:SPXW260918C05000000", 100, True),
        ("XYZ", "O:XYZW260918C00150000", 100, False),
    ],
)
def test_a_standard_contract_is_for_100_shares_under_an_own_root(
    symbol: str, ticker: str, shares: object, standard: bool
) -> None:
    row = changed(details__ticker=ticker, details__shares_per_contract=shares)
    assert read(row, symbol=symbol).rows["is_standard"].tolist() == [standard]


def test_an_index_has_a_value_instead_of_a_price() -> None:
    row = changed(underlying_asset={"ticker": "I:SPX", "value": 6400.5})
    assert read(row, symbol="I:SPX").underlying_prices == {"I:SPX": 6400.5}


@pytest.mark.parametrize("asset", [{"ticker": "AAPL"}, {"price": 0}, {"price": True}, {"price": "12"}, {}])
def test_a_plan_without_the_underlyings_price_leaves_it_unknown(asset: dict[str, Any]) -> None:
    assert read(changed(underlying_asset=asset)).underlying_prices == {}


def test_the_newest_price_of_the_underlying_counts() -> None:
    older = changed(underlying_asset={"last_updated": 4, "price": 1.0})
    assert read(older, ROW, older).underlying_prices == {"AAPL": 159.9606}


@pytest.mark.parametrize("page", [{}, {"results": None}, {"results": []}, {"status": "OK", "results": [None, 4]}])
def test_pages_without_rows_give_none(page: dict[str, Any]) -> None:
    snapshots = read_snapshots({"AAPL": [page]}, SESSION)
    assert (len(snapshots.rows), snapshots.refused) == (0, {})
    assert tuple(snapshots.rows.columns) == COLUMNS
    assert len(within_bounds(snapshots.rows, SESSION, {}, max_dte=9, moneyness=(0, 1))) == 0


def test_names_are_read_together_as_alone() -> None:
    takes = {
        "AAPL": [{"results": [ROW, changed(details__strike_price=0)]}, {"results": [changed(details__ticker="O:B")]}],
        "MSFT": [{"results": [changed(details__ticker="O:MSFT260918P00400000", underlying_asset={})]}],
        "NONE": [{"results": []}],
    }
    together = read_snapshots(takes, SESSION)
    alone = [read_snapshots({symbol: pages}, SESSION) for symbol, pages in takes.items()]
    pd.testing.assert_frame_equal(
        together.rows, pd.concat([each.rows for each in alone if len(each.rows)], ignore_index=True), check_dtype=False
    )
    for each, symbol in zip(alone, takes, strict=True):
        assert together.refused.get(symbol, {}) == each.refused.get(symbol, {})
        assert together.underlying_prices.get(symbol) == each.underlying_prices.get(symbol)


def test_bounds_are_days_to_expiry_and_strikes_around_the_spot() -> None:
    def contract(expiry: str, strike: float) -> dict[str, Any]:
        ticker = f"O:AAPL{expiry[2:].replace('-', '')}C{int(strike * 1000):08d}"
        return changed(details__ticker=ticker, details__expiration_date=expiry, details__strike_price=strike)

    rows = read(*(contract(e, k) for e in ("2026-08-21", "2026-09-20", "2026-09-21") for k in (49, 50, 150, 151))).rows
    kept = within_bounds(rows, SESSION, {"AAPL": 100.0}, max_dte=30, moneyness=(0.5, 1.5))
    assert sorted({day.isoformat() for day in kept["expiration_date"]}) == ["2026-08-21", "2026-09-20"]
    assert sorted(set(kept["strike"])) == [50, 150]
    assert len(within_bounds(rows, SESSION, {}, max_dte=400, moneyness=(0.5, 1.5))) == len(rows)


@pytest.mark.real_data
def test_the_vendors_own_examples_are_read(real_data: Path) -> None:
    pages = sorted((real_data / "polygon_mocks").rglob("v3/snapshot/options/*.json"))
    assert pages
    for page in pages:
        content = json.loads(page.read_text())
        rows = read_snapshots({page.stem: [content]}, date(2022, 4, 29)).rows
        assert len(rows) == len(content["results"])
        assert rows[["strike", "open_interest", "implied_volatility", "gamma", "volume"]].notna().all(axis=None)


def test_a_snapshot_of_any_json_is_no_exception() -> None:
    hostile: list[Callable[[], Any]] = [lambda: None, dict, list, lambda: "x", lambda: 1e308, lambda: -1, lambda: True]
    rows = []
    for make in hostile:
        rows += [{name: make() for name in ROW}, {name: {inner: make() for inner in ROW["day"]} for name in ROW}]
        rows.append(changed(**{f"details__{name}": make() for name in ROW["details"]}))
    assert read(*rows).refused["AAPL"]["no contract ticker"] > len(hostile)
