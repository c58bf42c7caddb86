"""Rows of a day file, and the bad ones among them.

Turns a session's true bars into the vendor's rows and spoils some of these, recording what was done. Every
kind but the duplicate replaces the true row, so that the bar is missing once the bad row is refused; a
duplicate stands beside its true row. Writing the rows belongs to `writer`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kapman_resources.sessions import NEW_YORK
from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.prices import LOWEST_PRICE, PRICE_DECIMALS, SessionBars
from kapman_resources.simulation.universe import TEST_SYMBOLS, Security

FRACTIONAL_VOLUME_SINCE = date(2026, 2, 23)
"""First session whose file has decimal volumes."""

VOLUME_DECIMALS = 6
LONG_SYMBOL = 30
"""Characters of a symbol that no exchange would list."""

TEST_KIND = "test_symbol"
_TEST_ROWS = (2, 3)
_TEST_PRICE, _TEST_VOLUME = 10.0, 100.0

_PRICES = ("open", "close", "high", "low")
_NANOSECONDS = 1_000_000_000


class Fault(NamedTuple):
    """One bad row: the true symbol, the kind, and what was done in words."""

    session: date
    symbol: str
    kind: str
    done: str


@dataclass
class Rows:
    """A day file's rows as columns of equal length, in the file's order of columns."""

    ticker: NDArray[np.str_]
    volume: NDArray[np.float64]
    open: NDArray[np.float64]
    close: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    window_start: NDArray[np.int64]
    transactions: NDArray[np.int64]

    def extended(self, others: "Rows") -> "Rows":
        """These rows and after them the others."""
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        return Rows(*(np.concatenate(pair) for pair in pairs))

    def taken(self, index: NDArray[np.int64]) -> "Rows":
        """Copies of the rows at `index`."""
        return Rows(*(column[index] for column in vars(self).values()))


def midnight_ns(day: date) -> int:
    """Midnight in New York at the start of `day`, in nanoseconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()) * _NANOSECONDS


def rows_of(bars: SessionBars, symbols: NDArray[np.str_]) -> Rows:
    """The true rows of a session, ascending by symbol as `symbols` is."""
    printed = np.flatnonzero(bars.is_printed)
    decimals = VOLUME_DECIMALS if bars.session >= FRACTIONAL_VOLUME_SINCE else 0
    return Rows(
        ticker=symbols[printed],
        volume=np.round(bars.volume[printed], decimals),
        open=bars.open[printed],
        close=bars.close[printed],
        high=bars.high[printed],
        low=bars.low[printed],
        window_start=np.full(len(printed), midnight_ns(bars.session)),
        transactions=bars.transactions[printed].astype(np.int64),
    )


def symbols_of(securities: Sequence[Security]) -> NDArray[np.str_]:
    """The symbols as an array that has room for a symbol that is too long."""
    return np.array([security.symbol for security in securities], dtype=f"U{LONG_SYMBOL}")


def spoil(plan: MarketPlan, bars: SessionBars, rows: Rows) -> tuple[Rows, list[Fault]]:
    """Spoil a session's rows at the plan's rate and add the vendor's test symbols.

    Args:
        plan: the market's parameters; with `fault_rate` 0 the rows come back as they are.
        bars: the session the rows were made from.
        rows: `rows_of` these bars; spoilt in place.

    Returns:
        The rows in the file's order, and what is wrong with them.
    """
    if plan.fault_rate == 0:
        return rows, []
    rng = plan.rng(Stream.FAULTS, bars.index)
    count = len(rows.ticker)
    chosen = np.flatnonzero(rng.random(count) < plan.fault_rate)
    faults = []
    twins: list[int] = []
    for row in chosen:
        symbol = str(rows.ticker[row])
        kind = FAULT_KINDS[int(rng.integers(len(FAULT_KINDS)))]
        if kind == _DUPLICATE:
            twins.append(int(row))
            done = "second row with fewer transactions and other prices"
        else:
            done = _SPOILERS[kind](rows, int(row), rng)
        faults.append(Fault(bars.session, symbol, kind, done))
    duplicates = _duplicates(rows, np.array(twins, dtype=np.int64), rng)
    tests = _test_rows(rng, bars.session)
    faults += [Fault(bars.session, str(symbol), TEST_KIND, "row of a test symbol") for symbol in tests.ticker]
    everything = rows.extended(duplicates).extended(tests)
    # Equal symbols are a true row and its duplicate, which comes before or after it at random.
    place = np.zeros(len(everything.ticker))
    place[count:] = rng.choice([-1.0, 1.0], size=len(place) - count)
    return everything.taken(np.lexsort((place, everything.ticker))), faults


def _duplicates(rows: Rows, twins: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    copies = rows.taken(twins)
    shift = rng.uniform(1.02, 1.05, size=len(twins))
    for field in _PRICES:
        setattr(copies, field, np.round(getattr(copies, field) * shift + LOWEST_PRICE, PRICE_DECIMALS))
    # A true row has at least two transactions, so that there are always fewer.
    fewer = (copies.transactions * rng.uniform(0.1, 0.9, size=len(twins))).astype(np.int64)
    copies.transactions = np.maximum(fewer, 1)
    return copies


def _test_rows(rng: np.random.Generator, session: date) -> Rows:
    symbols = rng.choice(TEST_SYMBOLS, size=int(rng.choice(_TEST_ROWS)), replace=False)
    price = np.full(len(symbols), _TEST_PRICE)
    return Rows(
        ticker=symbols,
        volume=np.full(len(symbols), _TEST_VOLUME),
        open=price,
        close=price,
        high=price,
        low=price,
        window_start=np.full(len(symbols), midnight_ns(session)),
        transactions=np.ones(len(symbols), dtype=np.int64),
    )


def _wrong_day(rows: Rows, row: int, rng: np.random.Generator) -> str:
    days = int(rng.choice([-1, 1]))
    day = datetime.fromtimestamp(int(rows.window_start[row]) // _NANOSECONDS, NEW_YORK).date()
    rows.window_start[row] = midnight_ns(day + timedelta(days=days))
    return f"window_start of {day + timedelta(days=days)}"


def _high_below_low(rows: Rows, row: int, _rng: np.random.Generator) -> str:
    # A bar without a range would survive the exchange of its borders.
    high = rows.high[row] + LOWEST_PRICE
    rows.high[row], rows.low[row] = rows.low[row], np.round(high, PRICE_DECIMALS)
    return "high and low exchanged"


def _non_positive_price(rows: Rows, row: int, rng: np.random.Generator) -> str:
    return _set_price(rows, row, rng, float(rng.choice([0.0, -1.0])))


def _nan_price(rows: Rows, row: int, rng: np.random.Generator) -> str:
    return _set_price(rows, row, rng, np.nan)


def _infinite_price(rows: Rows, row: int, rng: np.random.Generator) -> str:
    return _set_price(rows, row, rng, np.inf)


def _set_price(rows: Rows, row: int, rng: np.random.Generator, value: float) -> str:
    field = _PRICES[int(rng.integers(len(_PRICES)))]
    getattr(rows, field)[row] = value
    return f"{field} = {value:g}"


def _zero_volume(rows: Rows, row: int, _rng: np.random.Generator) -> str:
    rows.volume[row] = 0.0
    return "volume = 0"


def _negative_volume(rows: Rows, row: int, _rng: np.random.Generator) -> str:
    rows.volume[row] = -rows.volume[row]
    return "sign of volume changed"


def _long_symbol(rows: Rows, row: int, _rng: np.random.Generator) -> str:
    rows.ticker[row] = str(rows.ticker[row]).ljust(LONG_SYMBOL, "X")
    return f"ticker = {rows.ticker[row]}"


def _empty_ticker(rows: Rows, row: int, _rng: np.random.Generator) -> str:
    rows.ticker[row] = ""
    return "ticker left empty"


_DUPLICATE = "duplicate"
_SPOILERS: dict[str, Callable[[Rows, int, np.random.Generator], str]] = {
    "wrong_day": _wrong_day,
    "high_below_low": _high_below_low,
    "non_positive_price": _non_positive_price,
    "nan": _nan_price,
    "inf": _infinite_price,
    "zero_volume": _zero_volume,
    "negative_volume": _negative_volume,
    "long_symbol": _long_symbol,
    "empty_ticker": _empty_ticker,
}
FAULT_KINDS = (_DUPLICATE, *_SPOILERS)
"""Kinds of spoilt rows; the vendor's test symbols are apart, as TEST_KIND."""
