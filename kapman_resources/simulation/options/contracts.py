"""The book of listed contracts: its columns, and the ticker of a contract.

Which contracts are listed is decided in `listings`, what happens to them in `trading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.traits import Bools, Floats

STANDARD_SHARES = 100
THOUSANDTHS = 1000
"""Strikes are whole thousandths of a dollar, as in a ticker."""

_TICKER_TYPE = "U26"


@dataclass(frozen=True)
class Contracts:
    """Contracts as columns of equal length, ascending by name and ticker, the order of the vendor's rows.

    Attributes:
        name: place of the underlying in `OptionNames`.
        expiry: last day of trading, as a day.
        strike: thousandths of a USD per share.
        is_call: call or put.
        digit: 0 for a standard contract, else the digit after the root of an adjusted one.
        shares: shares per contract.
        ticker: the vendor's, `O:` and the OCC symbol.
        affinity: lasting appetite for the contract, as a factor.
        open_interest: contracts open before the session.
        opened: contracts opened in the last session, less those closed.
        day: midnight in New York, in nanoseconds, of the session of the day bar; 0 for a contract never traded.
        open, high, low, close, vwap: the day bar in USD, NaN without one.
        volume: contracts traded in it.
        previous_close: close of the day bar before; NaN without one.
    """

    name: NDArray[np.int64]
    expiry: NDArray[np.datetime64]
    strike: NDArray[np.int64]
    is_call: Bools
    digit: NDArray[np.int64]
    shares: NDArray[np.int64]
    ticker: NDArray[np.str_]
    affinity: Floats
    open_interest: NDArray[np.int64]
    opened: NDArray[np.int64]
    day: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    vwap: Floats
    volume: NDArray[np.int64]
    previous_close: Floats

    def __len__(self) -> int:
        return len(self.name)

    def taken(self, index: NDArray[Any]) -> "Contracts":
        """Copies of the rows at `index`, places or a mask."""
        return Contracts(*(column[index] for column in vars(self).values()))

    def extended(self, others: "Contracts") -> "Contracts":
        """These rows and the others, in order."""
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        both = Contracts(*(np.concatenate(pair) for pair in pairs))
        return both.taken(np.lexsort((both.ticker, both.name)))


def fresh(
    roots: Sequence[str],
    *,
    name: NDArray[np.int64],
    expiry: NDArray[np.datetime64],
    strike: NDArray[np.int64],
    is_call: Bools,
    digit: NDArray[np.int64],
    shares: NDArray[np.int64],
    affinity: Floats,
    open_interest: NDArray[np.int64],
    opened: NDArray[np.int64],
) -> Contracts:
    """Contracts that have never traded, in the order given; their tickers are made here."""
    count = len(name)
    nothing, unknown = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
    tickers = [
        f"O:{roots[place]}{number or ''}{day:%y%m%d}{'C' if call else 'P'}{price:08d}"
        for place, number, day, call, price in zip(
            name.tolist(), digit.tolist(), expiry.tolist(), is_call.tolist(), strike.tolist(), strict=True
        )
    ]
    return Contracts(
        name=name,
        expiry=expiry,
        strike=strike,
        is_call=is_call,
        digit=digit,
        shares=shares,
        ticker=np.array(tickers, dtype=_TICKER_TYPE),
        affinity=affinity,
        open_interest=open_interest,
        opened=opened,
        day=nothing,
        open=unknown,
        high=unknown,
        low=unknown,
        close=unknown,
        vwap=unknown,
        volume=nothing,
        previous_close=unknown,
    )


def empty_book() -> Contracts:
    """A book without contracts."""
    none = np.zeros(0, dtype=np.int64)
    return fresh(
        (),
        name=none,
        expiry=none.astype("datetime64[D]"),
        strike=none,
        is_call=none.astype(np.bool_),
        digit=none,
        shares=none,
        affinity=none.astype(np.float64),
        open_interest=none,
        opened=none,
    )
