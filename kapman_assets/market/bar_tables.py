"""Stored bars of many names as arrays, for whatever is calculated from them. Plain SQL, no Dagster.

Nothing here knows what is calculated; how bars are stored is the business of `ohlcv_store`.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from kapman_resources.binary_copy import FixedKind, read_columns
from kapman_resources.database import driver_connection

Floats = npt.NDArray[np.float64]

_KINDS: dict[str, FixedKind] = {
    "ticker_id": "int4",
    "date": "date",
    **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap", "factor"), "float8"),
}

# A split's factor holds every later split of its ticker, so that one row of `splits` at most applies to a bar.
_BARS = """
    SELECT o.ticker_id, o.date, o.open, o.high, o.low, o.close, o.volume, coalesce(o.vwap, 'NaN') AS vwap,
           coalesce(s.price_factor, 1) AS factor
    FROM ohlcv o
    LEFT JOIN splits s ON s.ticker_id = o.ticker_id AND o.date >= s.applies_from AND o.date < s.execution_date
    WHERE o.date BETWEEN %(first)s AND %(last)s
      AND (%(everyone)s OR o.ticker_id IN (
          SELECT t.ticker_id FROM tickers t
          WHERE (%(watched)s AND t.options_enabled) OR t.symbol = ANY(%(also)s)))"""


@dataclass(frozen=True)
class BarTable:
    """Bars of some names, by ticker and date; arrays of one length.

    Attributes:
        ticker_id: the names, ascending.
        date: the sessions (datetime64[D]), ascending within a name.
        open, high, low, close: USD a share, as traded.
        volume: shares, as traded.
        vwap: USD a share, as traded; NaN where the source has none.
        factor: what a price is multiplied with to be adjusted for every split after its bar; only ratios of factors
            say something about a past day, since later splits cancel in them.
    """

    ticker_id: npt.NDArray[np.int32]
    date: npt.NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats
    factor: Floats

    def __len__(self) -> int:
        return len(self.ticker_id)

    def __getitem__(self, which: slice | npt.NDArray[np.bool_]) -> "BarTable":
        """Some of the bars."""
        return BarTable(**{name: values[which] for name, values in vars(self).items()})

    def names(self) -> Iterator[tuple[int, "BarTable"]]:
        """The bars of one name after the other."""
        ids, starts, counts = np.unique(self.ticker_id, return_index=True, return_counts=True)
        for ticker_id, start, count in zip(ids.tolist(), starts, counts, strict=True):
            yield ticker_id, self[start : start + count]

    def adjusted(self, splits: "Splits", as_of: dt.date) -> "BarTable":
        """The bars adjusted for the splits executed by a day and for no later one, as `fn_ohlcv_adjusted` has them."""
        ahead = np.array([splits.ahead(int(ticker_id), as_of) for ticker_id in np.unique(self.ticker_id)])
        ratio = self.factor / np.repeat(ahead, np.unique(self.ticker_id, return_counts=True)[1])
        prices = {name: getattr(self, name) * ratio for name in ("open", "high", "low", "close", "vwap")}
        return BarTable(
            **prices,
            ticker_id=self.ticker_id,
            date=self.date,
            volume=self.volume / ratio,
            factor=np.ones_like(ratio),
        )


@dataclass(frozen=True)
class Splits:
    """Executed splits by ticker: `split_from / split_to` by execution date."""

    ratios: dict[int, dict[dt.date, float]]
    factors: dict[int, list[tuple[dt.date, float]]]

    def ahead(self, ticker_id: int, day: dt.date) -> float:
        """The factor of every split after a day: that of the next split, which holds all the later ones."""
        return next((factor for executed, factor in self.factors.get(ticker_id, ()) if executed > day), 1.0)

    def between(self, ticker_id: int, after: dt.date, through: dt.date) -> dict[dt.date, float]:
        """The splits of a ticker that were executed after one day and up to another."""
        return {day: ratio for day, ratio in self.ratios.get(ticker_id, {}).items() if after < day <= through}


def read_bars(
    connection: sa.Connection,
    first: dt.date,
    last: dt.date,
    *,
    everyone: bool = False,
    watched: bool = True,
    also: Sequence[str] = (),
) -> BarTable:
    """Bars of the watched names and of some others by symbol, or of everyone, from `first` to `last`."""
    parameters = {"first": first, "last": last, "everyone": everyone, "watched": watched, "also": list(also)}
    columns = read_columns(driver_connection(connection), _BARS, parameters, _KINDS)
    order = np.lexsort([columns["date"], columns["ticker_id"]])
    return BarTable(**{name: values[order] for name, values in columns.items()})


def read_splits(connection: sa.Connection) -> Splits:
    """Every split."""
    rows = connection.execute(
        sa.text("SELECT ticker_id, execution_date, split_from, split_to, price_factor FROM splits ORDER BY 1, 2")
    )
    splits = Splits({}, {})
    for ticker_id, executed, before, after, factor in rows:
        splits.ratios.setdefault(ticker_id, {})[executed] = before / after
        splits.factors.setdefault(ticker_id, []).append((executed, factor))
    return splits
