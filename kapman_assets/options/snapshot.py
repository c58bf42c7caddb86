"""The vendor's chain snapshot, read: pages of JSON become one row a contract, in the columns of `options_chains`.

Every nested object may be missing, the vendor's zeros are unknown, and a day bar counts only if it is of the
session. What cannot be a contract is refused and counted. Fetching, storing and metrics are elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

STANDARD_MULTIPLIER = 100
MAX_IV = 50.0
"""Implied volatility (decimal a year) from which on it is an error of the vendor's solver and no quote."""

_OTHER_ROOTS = {"SPX": {"SPXW"}, "NDX": {"NDXP"}, "RUT": {"RUTW"}, "VIX": {"VIXW"}}
"""Roots besides the underlying's own that are standard: weekly index options."""

_OCC_TAIL = 15
"""Characters of a contract's ticker after its root: YYMMDD, C or P, strike in 8 digits."""

_INT4_MAX = 2**31 - 1
_TYPES = ("call", "put", "other")

_FIELDS = {
    "contract": ("details", "ticker"),
    "expiration_date": ("details", "expiration_date"),
    "strike": ("details", "strike_price"),
    "contract_type": ("details", "contract_type"),
    "multiplier": ("details", "shares_per_contract"),
    "open_interest": (None, "open_interest"),
    "volume": ("day", "volume"),
    "open": ("day", "open"),
    "high": ("day", "high"),
    "low": ("day", "low"),
    "close": ("day", "close"),
    "vwap": ("day", "vwap"),
    "day_updated": ("day", "last_updated"),
    "bid": ("last_quote", "bid"),
    "ask": ("last_quote", "ask"),
    "bid_size": ("last_quote", "bid_size"),
    "ask_size": ("last_quote", "ask_size"),
    "quoted_at": ("last_quote", "last_updated"),
    "last": ("last_trade", "price"),
    "traded_at": ("last_trade", "sip_timestamp"),
    "implied_volatility": (None, "implied_volatility"),
    "delta": ("greeks", "delta"),
    "gamma": ("greeks", "gamma"),
    "theta": ("greeks", "theta"),
    "vega": ("greeks", "vega"),
    "break_even": (None, "break_even_price"),
}
_TEXTS = ("symbol", "contract", "expiration_date", "contract_type")
_COUNTS = ("open_interest", "volume", "bid_size", "ask_size")
_ZERO_IS_UNKNOWN = ("bid", "ask", "last", "implied_volatility", "delta", "gamma", "theta", "vega", "break_even")
_DAY_PRICES = ("open", "high", "low", "close", "vwap")

COLUMNS = ("symbol", *(name for name in _FIELDS if name != "day_updated"), "is_standard")
"""What `read_snapshots` gives: the columns of `options_chains`, with the symbol for its key."""


@dataclass(frozen=True)
class Snapshots:
    """The chains of some underlyings as one take of the vendor's snapshot shows each.

    Attributes:
        rows: one row a contract, columns `COLUMNS`: texts and dates as objects, numbers as float64 (NaN is
            unknown), timestamps in UTC; in the order of the pages.
        underlying_prices: USD a share by symbol, the newest that its pages give; none where they give none.
        refused: by symbol, the rows left out and the values taken as unknown, counted by reason.
    """

    rows: pd.DataFrame
    underlying_prices: dict[str, float]
    refused: Mapping[str, Mapping[str, int]]


def read_snapshots(takes: Mapping[str, Iterable[Mapping[str, Any]]], session: date) -> Snapshots:
    """Read the pages of one take of each symbol; all of them at once, for most of the cost is by call.

    Args:
        takes: the vendor's JSON objects by underlying, as it was asked for.
        session: the session that the takes are of; a contract that expired before it is refused.
    """
    results = {
        symbol: [row for page in pages for row in page.get("results") or [] if isinstance(row, dict)]
        for symbol, pages in takes.items()
    }
    doubts = _Doubts()
    rows = _typed(_values(results))
    rows = _of_session(rows, session, doubts)
    rows = _contracts(rows, session, doubts)
    implausible = rows["implied_volatility"] > MAX_IV
    doubts.add("implied volatility is implausible", rows["symbol"][implausible])
    rows["implied_volatility"] = rows["implied_volatility"].mask(implausible)
    rows["is_standard"] = _is_standard(rows)
    prices = {symbol: _underlying_price(found) for symbol, found in results.items()}
    return Snapshots(
        rows=rows[list(COLUMNS)].reset_index(drop=True),
        underlying_prices={symbol: price for symbol, price in prices.items() if price is not None},
        refused=doubts.by_symbol,
    )


def within_bounds(
    rows: pd.DataFrame, session: date, spots: Mapping[str, float], *, max_dte: int, moneyness: tuple[float, float]
) -> pd.DataFrame:
    """The contracts that are asked for: up to some days of life, with strikes around the spot.

    Args:
        rows: columns of `Snapshots.rows`.
        session: days are counted from it.
        spots: USD a share by symbol; a symbol without one keeps all strikes.
        max_dte: calendar days.
        moneyness: lowest and highest strike over spot.
    """
    last = pd.Timestamp(session + timedelta(days=max_dte))
    ratio = (rows["strike"] / rows["symbol"].map(spots)).astype("float64")
    kept = (pd.to_datetime(rows["expiration_date"]) <= last) & (ratio.isna() | ratio.between(*moneyness))
    return rows[kept].reset_index(drop=True)


class _Doubts:
    """Counts what was refused, by symbol and reason."""

    def __init__(self) -> None:
        self.by_symbol: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def add(self, reason: str, symbols: "pd.Series[str]") -> None:
        for symbol, count in symbols.value_counts().items():
            self.by_symbol[str(symbol)][reason] = int(count)


def _values(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Symbol and fields of every row as objects, None where an object or a field is missing."""
    rows = [row for found in results.values() for row in found]
    parts = {part for part, _ in _FIELDS.values() if part}
    objects = {part: [found if isinstance(found := row.get(part), dict) else {} for row in rows] for part in parts}
    symbols = [symbol for symbol, found in results.items() for _ in found]
    # One list a field: going through the rows field by field takes a fifth of the time of row by row.
    fields = {
        column: [each.get(name) for each in (objects[part] if part else rows)]
        for column, (part, name) in _FIELDS.items()
    }
    return pd.DataFrame({"symbol": symbols, **fields}, dtype=object)


def _typed(raw: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64 and times as timestamps; whatever is neither becomes unknown."""
    rows = pd.DataFrame(index=raw.index)
    for name in raw.columns:
        if name in _TEXTS:
            rows[name] = raw[name].where(raw[name].map(lambda value: isinstance(value, str)).astype(bool))
        else:
            numbers = pd.to_numeric(raw[name], errors="coerce").astype("float64")
            rows[name] = numbers.where(np.isfinite(numbers))
    for name in ("quoted_at", "traded_at"):
        rows[name] = _moments(rows[name])
    for name in _COUNTS:
        rows[name] = rows[name].round().where(rows[name].between(0, _INT4_MAX))
    for name in _ZERO_IS_UNKNOWN:
        rows[name] = rows[name].mask(rows[name] == 0)
    for name in (*_DAY_PRICES, "bid", "ask", "last", "implied_volatility", "gamma", "multiplier"):
        rows[name] = rows[name].where(rows[name] > 0)
    rows["delta"] = rows["delta"].where(rows["delta"].abs() <= 1)
    return rows


def _of_session(rows: pd.DataFrame, session: date, doubts: _Doubts) -> pd.DataFrame:
    """Keep the day bar where it is of the session; an earlier one means that nothing was traded in it."""
    day = _moments(rows.pop("day_updated")).dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    is_of_session = day == pd.Timestamp(session)
    is_newer = day > pd.Timestamp(session)
    is_undated = day.isna() & rows["volume"].notna()
    doubts.add("day bar is of a later session", rows["symbol"][is_newer])
    doubts.add("day bar has no date", rows["symbol"][is_undated])
    rows["volume"] = rows["volume"].where(is_of_session, 0.0).mask(is_newer | is_undated)
    prices = list(_DAY_PRICES)
    rows[prices] = rows[prices].where(is_of_session)
    return rows


def _contracts(rows: pd.DataFrame, session: date, doubts: _Doubts) -> pd.DataFrame:
    """Leave out what cannot be a contract of the session, and all but the last of those sent twice."""
    expiry = pd.to_datetime(rows["expiration_date"], format="%Y-%m-%d", errors="coerce")
    rules = {
        "no contract ticker": rows["contract"].isna() | rows["contract"].eq(""),
        "no expiration date": expiry.isna(),
        "expired before the session": expiry < pd.Timestamp(session),
        "strike is not positive": ~(rows["strike"] > 0),
        "unknown contract type": ~rows["contract_type"].isin(_TYPES),
    }
    good = pd.Series(True, rows.index)
    for reason, broken in rules.items():
        doubts.add(reason, rows["symbol"][good & broken])
        good &= ~broken
    rows = rows.assign(expiration_date=expiry.dt.date)[good]
    again = rows.duplicated(["symbol", "contract"], keep="last")
    doubts.add("same contract again", rows["symbol"][again])
    return rows[~again].copy()


def _is_standard(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a contract is for 100 shares of the underlying under a root of its own."""
    own = {symbol: _roots(symbol) for symbol in rows["symbol"].unique()}
    roots = rows["contract"].str.removeprefix("O:").str[:-_OCC_TAIL]
    has_own_root = [root in own[symbol] for root, symbol in zip(roots, rows["symbol"], strict=True)]
    return rows["multiplier"].eq(STANDARD_MULTIPLIER) & pd.Series(has_own_root, rows.index, dtype=bool)


def _roots(symbol: str) -> set[str]:
    # A root has no punctuation: BRK.B, BRK/B and BRK-B are all BRKB.
    own = "".join(filter(str.isalnum, symbol.removeprefix("I:")))
    return {own} | _OTHER_ROOTS.get(own, set())


def _underlying_price(results: Iterable[Mapping[str, Any]]) -> float | None:
    """The newest price of the underlying among the rows; an index has a `value` instead."""
    newest: tuple[float, float] | None = None
    for row in results:
        asset = row.get("underlying_asset")
        if not isinstance(asset, dict):
            continue
        price = asset.get("price", asset.get("value"))
        if isinstance(price, int | float) and not isinstance(price, bool) and 0 < price < np.inf:
            when = asset.get("last_updated")
            stamp = float(when) if isinstance(when, int | float) else 0.0
            if newest is None or stamp > newest[0]:
                newest = (stamp, float(price))
    return None if newest is None else newest[1]


def _moments(nanoseconds: pd.Series) -> pd.Series:
    """Timestamps from nanoseconds since 1970, NaT where unknown or absurd."""
    # A float64 holds these times to some hundred nanoseconds, and a century beyond them overflows.
    known = nanoseconds.where(nanoseconds.between(1, 4e18))
    return pd.to_datetime(known.astype("Int64"), unit="ns", utc=True)
