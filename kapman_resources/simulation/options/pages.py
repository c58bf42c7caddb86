"""The vendor's snapshot pages of a session's chains, as its Starter plan shows them.

Rows are built column by column, as a session has tens of thousands of them. What the vendor leaves out is left
out here: greeks and implied volatility of some contracts, more of those deep in the money or without open
interest; quotes and trades of all. Where a page is written belongs to `writer`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kapman_resources.sessions import NEW_YORK
from kapman_resources.simulation.options.chains import SessionChains
from kapman_resources.simulation.options.contracts import THOUSANDTHS
from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.reference import HOST
from kapman_resources.simulation.traits import Bools, Floats

SNAPSHOT_PATH = "v3/snapshot/options"
PAGE_ROWS = 250
"""The most rows that the vendor puts on a page of a chain."""

TAKEN = time(16, 20)
"""New York time of the snapshots: a quarter of an hour after the close the delayed data have come."""

_CLOSE = time(16)
_NANOSECONDS = 1_000_000_000

_DEEP = 0.98
_GAPS, _DEEP_GAPS, _IDLE_GAPS = 0.012, 0.25, 0.06
"""Chance that a contract's greeks are left out: of any, of one whose |delta| is beyond _DEEP, of one nobody holds."""

_ZEROS = 0.004
"""Chance that greeks are told as 0, half of the time with the volatility."""

_VOLATILITY_GAPS = 0.01
"""Chance that only the volatility is left out."""

_GREEK_DECIMALS, _GAMMA_DECIMALS = 6, 8
_PRICE_DECIMALS, _PER_CENT_DECIMALS = 4, 3


class Page(NamedTuple):
    """One page: rows `start` to `stop` of the session's, number `number` of `pages` of its symbol."""

    symbol: str
    number: int
    pages: int
    start: int
    stop: int


class Rows:
    """The JSON rows of a session, one after another in the order of its contracts."""

    def __init__(self, rows: pa.StringArray) -> None:
        _, offsets, data = rows.buffers()
        # Both are there: only an array without a type has no buffers.
        self._offsets = np.frombuffer(memoryview(offsets or b""), dtype=np.int32)
        self._data = memoryview(data or b"")

    def between(self, start: int, stop: int) -> bytes:
        """The rows as the inside of a JSON array."""
        first, last = (int(self._offsets[place]) for place in (start, stop))
        # Each row ends with a comma.
        return self._data[first : max(last - 1, first)].tobytes()


def taken_at(session: date) -> datetime:
    """When the snapshots of a session are taken."""
    return datetime.combine(session, TAKEN, NEW_YORK)


def pages_of(chains: SessionChains, without: Sequence[str]) -> Iterator[Page]:
    """The pages of a session: of each name, and an empty one of each symbol in `without`."""
    borders = np.searchsorted(chains.contracts.name, np.arange(len(chains.names) + 1)).tolist()
    for place, symbol in enumerate(chains.names.symbols):
        first, last = borders[place], borders[place + 1]
        starts = range(first, max(last, first + 1), PAGE_ROWS)
        for number, start in enumerate(starts, start=1):
            yield Page(symbol, number, len(starts), start, min(start + PAGE_ROWS, last))
    for symbol in without:
        yield Page(symbol, 1, 1, 0, 0)


def body(page: Page, rows: Rows, session: date) -> bytes:
    """The JSON of a page; all but the last of a symbol name the next one, without a key."""
    path = f"{SNAPSHOT_PATH}/{page.symbol}"
    tail = f'"status":"OK","request_id":"{_digest(path, session, page.number)}"'
    if page.number < page.pages:
        tail += f',"next_url":"{HOST}/{path}?cursor={_digest("cursor", path, session, page.number + 1)}"'
    return b'{"results":[' + rows.between(page.start, page.stop) + b"]," + tail.encode() + b"}"


def rows_of(plan: MarketPlan, chains: SessionChains) -> Rows:
    """Every contract of the session as the vendor's row."""
    book, names, values = chains.contracts, chains.names, chains.values
    strike, spot = book.strike / THOUSANDTHS, chains.spot[book.name]
    even = strike + np.where(book.is_call, 1, -1) * values.price
    row = _joined(
        '{"break_even_price":',
        _number(even, _PRICE_DECIMALS),
        ",",
        _day(chains),
        _details(chains),
        *_greeks(plan, chains),
        '"open_interest":',
        _number(book.open_interest),
        ',"underlying_asset":{',
        _filled(
            _joined(
                '"change_to_break_even":',
                _number(even - spot, _PRICE_DECIMALS, ~names.has_price[book.name]),
                f',"last_updated":{_nanoseconds(chains.session, _CLOSE)},"price":',
                _number(spot),
                ",",
            ),
            "",
        ),
        '"ticker":"',
        pa.array(np.array(names.symbols)[book.name]),
        '","timeframe":"DELAYED"}},',
    )
    return Rows(row)


def _day(chains: SessionChains) -> pa.StringArray:
    """The last day bar: of an earlier session without trades in this one, empty without any."""
    book = chains.contracts
    never, is_first = book.day == 0, np.isnan(book.previous_close)
    change = book.close - book.previous_close
    opening = _joined(
        '"change":',
        _number(change, _PRICE_DECIMALS, is_first),
        ',"change_percent":',
        _number(change / book.previous_close * 100, _PER_CENT_DECIMALS, is_first),
        ",",
    )
    before = _joined('"previous_close":', _number(book.previous_close, hidden=is_first), ",")
    bar = _joined(
        '"day":{',
        _filled(opening, ""),
        '"close":',
        _number(book.close, hidden=never),
        ',"high":',
        _number(book.high, hidden=never),
        ',"last_updated":',
        _number(book.day),
        ',"low":',
        _number(book.low, hidden=never),
        ',"open":',
        _number(book.open, hidden=never),
        ",",
        _filled(before, ""),
        '"volume":',
        _number(book.volume),
        ',"vwap":',
        _number(book.vwap, hidden=never),
        "},",
    )
    return _filled(bar, '"day":{},')


def _details(chains: SessionChains) -> pa.StringArray:
    book = chains.contracts
    return _joined(
        '"details":{"contract_type":"',
        pa.array(np.where(book.is_call, "call", "put")),
        '","exercise_style":"american","expiration_date":"',
        pa.array(np.datetime_as_string(book.expiry)),
        '","shares_per_contract":',
        _number(book.shares),
        ',"strike_price":',
        _number(book.strike / THOUSANDTHS),
        ',"ticker":"',
        pa.array(book.ticker),
        '"},',
    )


def _greeks(plan: MarketPlan, chains: SessionChains) -> tuple[pa.StringArray, pa.StringArray]:
    """Greeks and implied volatility, each with its name, or nothing where the vendor leaves it out."""
    book, values = chains.contracts, chains.values
    rng = plan.rng(Stream.OPTION_GAPS, chains.index)
    gap, form, zero, only_volatility = rng.random((4, len(book)))
    chance = np.where(np.abs(values.delta) > _DEEP, _DEEP_GAPS, _GAPS) + np.where(
        book.open_interest == 0, _IDLE_GAPS, 0
    )
    is_gap = (gap < chance) | np.isnan(chains.volatility)
    is_zero = (zero < _ZEROS) & ~is_gap
    told = _joined(
        '"greeks":{"delta":',
        _number(np.where(is_zero, 0, values.delta), _GREEK_DECIMALS, is_gap),
        ',"gamma":',
        _number(np.where(is_zero, 0, values.gamma), _GAMMA_DECIMALS, is_gap),
        ',"theta":',
        _number(np.where(is_zero, 0, values.theta), _GREEK_DECIMALS, is_gap),
        ',"vega":',
        _number(np.where(is_zero, 0, values.vega), _GREEK_DECIMALS, is_gap),
        "},",
    )
    # Left out in one of two ways: an empty object, or none.
    greeks = _filled(told, pa.array(np.where(form < 1 / 2, '"greeks":{},', "")))
    volatility = _joined(
        '"implied_volatility":',
        _number(
            np.where(is_zero & (form < 1 / 2), 0, chains.volatility),
            hidden=is_gap | (only_volatility < _VOLATILITY_GAPS),
        ),
        ",",
    )
    return greeks, _filled(volatility, "")


def _number(
    values: Floats | NDArray[np.int64], decimals: int | None = None, hidden: Bools | None = None
) -> pa.StringArray:
    """Numbers in their shortest form; null where hidden."""
    if decimals is not None:
        # Adding 0 turns a negative zero into a zero.
        values = np.asarray(np.round(values, decimals) + 0.0)
    return cast(pa.StringArray, pc.cast(pa.array(values, mask=hidden), pa.string()))


def _joined(*parts: Any) -> pa.StringArray:
    """The parts of each row in one text; null where one of them is."""
    joined: pa.StringArray = pc.binary_join_element_wise(*parts, "", null_handling="emit_null")
    return joined


def _filled(texts: pa.StringArray, instead: Any) -> pa.StringArray:
    """The texts, and something else where one is null."""
    filled: pa.StringArray = pc.fill_null(texts, instead)
    return filled


def _nanoseconds(session: date, at: time) -> int:
    return int(datetime.combine(session, at, NEW_YORK).timestamp()) * _NANOSECONDS


def _digest(*parts: object) -> str:
    text = " ".join(map(str, parts))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
