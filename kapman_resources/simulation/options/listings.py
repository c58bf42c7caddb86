"""Which contracts are listed: the strikes of each expiry, and what a split makes of them.

A strike that is listed stays so until its expiry has passed. Strikes are round numbers, closer together near
the expiry and in liquid names, and reach as far as the stock may. After a split the old contracts are adjusted,
as the OCC does for ratios that are no whole number: shares per contract and strike change, the root gets a
digit, and new standard contracts are listed beside them. Here that is done for every ratio.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.options.contracts import STANDARD_SHARES, THOUSANDTHS, Contracts, fresh
from kapman_resources.simulation.options.expiries import is_monthly, listed_expiries
from kapman_resources.simulation.options.names import OptionNames
from kapman_resources.simulation.options.pricing import DAYS_PER_YEAR
from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.traits import Floats

_STEPS = np.array([500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000])
"""Distances between strikes, in thousandths of a USD."""
_FEWEST_STEPS = 2
"""Strikes on either side of the spot at least."""

_SHORTEST = 4
"""Days to expiry below which the strikes do not close in further."""


class _Grid(NamedTuple):
    """How far strikes reach and how close they stand, in standard deviations of the stock until the expiry."""

    reach: float
    step: float


_GRID, _LIQUID_GRID = _Grid(1.05, 0.52), _Grid(1.35, 0.48)
_WIDENING_DAYS, _WIDEST = 46, 3.0
"""Days to expiry from which steps are wider, in proportion to them, and the largest factor by which."""

_APPETITE_SPREAD = 0.8
"""Log spread of the contracts' affinities."""

_ADJUSTED_APPETITE = 0.1
_ADJUSTED_SHARES = 10
"""Shares per contract of the names that always carry adjusted contracts, as after a reverse split of 10 to 1."""

_DIGITS = 9


class ListedSplit(NamedTuple):
    """A split of an underlying: `split_from` old shares became `split_to` new ones."""

    name: int
    split_from: int
    split_to: int


class Listings:
    """Lists contracts, and keeps how often each name has been adjusted."""

    def __init__(self, plan: MarketPlan, names: OptionNames) -> None:
        self._plan = plan
        self._names = names
        self._digit = names.is_adjusted.astype(np.int64)

    def adjusted(self, book: Contracts, splits: Iterable[ListedSplit]) -> Contracts:
        """The book after splits: contracts of their names without open interest are gone, the others adjusted."""
        for split in splits:
            rows = book.name == split.name
            book = self._adjust(book.taken(rows & (book.open_interest > 0)), split).extended(book.taken(~rows))
        return book

    def _adjust(self, old: Contracts, split: ListedSplit) -> Contracts:
        digit = self._digit[split.name] = self._digit[split.name] % _DIGITS + 1
        is_standard = old.digit == 0
        return fresh(
            self._names.roots,
            name=old.name,
            expiry=old.expiry,
            strike=np.rint(old.strike * split.split_from / split.split_to).astype(np.int64),
            is_call=old.is_call,
            digit=np.where(is_standard, digit, old.digit),
            shares=np.maximum(old.shares * split.split_to // split.split_from, 1),
            affinity=old.affinity * np.where(is_standard, _ADJUSTED_APPETITE, 1.0),
            open_interest=old.open_interest,
            opened=old.opened,
        )

    def listed(self, book: Contracts, spot: Floats, session: date, index: int) -> Contracts:
        """What is listed newly in a session.

        Args:
            book: the contracts there are.
            spot: price of each underlying.
            session: the day; on its own expiries nothing is listed, but for a book that is empty.
            index: of the session, for the random stream.
        """
        name, expiry, strike = _wanted(self._names, spot, session, with_today=not len(book))
        standard = book.taken(book.digit == 0)
        is_new = ~np.isin(_key(name, expiry, strike), _key(standard.name, standard.expiry, standard.strike))
        name, expiry, strike = name[is_new], expiry[is_new], strike[is_new]
        # Calls and puts are listed in pairs.
        odd = self._carried(book, spot, name, expiry, strike)
        places = np.repeat(np.concatenate([np.arange(len(name)), odd]), 2)
        digit = np.repeat(np.concatenate([np.zeros_like(name), self._digit[name[odd]]]), 2)
        name, expiry, strike = name[places], expiry[places], strike[places]
        rng = self._plan.rng(Stream.OPTION_LISTINGS, index)
        appetite = np.exp(_APPETITE_SPREAD * rng.standard_normal(len(name)))
        nothing = np.zeros(len(name), dtype=np.int64)
        return fresh(
            self._names.roots,
            name=name,
            expiry=expiry,
            strike=strike,
            is_call=np.arange(len(name)) % 2 == 0,
            digit=digit,
            shares=np.where(digit == 0, STANDARD_SHARES, _ADJUSTED_SHARES),
            affinity=appetite * np.where(digit == 0, 1.0, _ADJUSTED_APPETITE),
            open_interest=nothing,
            opened=nothing,
        )

    def _carried(
        self,
        book: Contracts,
        spot: Floats,
        name: NDArray[np.int64],
        expiry: NDArray[np.datetime64],
        strike: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Places of new strikes that are also listed as adjusted contracts: the two nearest ones of an expiry.

        Only of the names that always carry some, and of a monthly expiry that these do not have yet.
        """
        found: list[int] = []
        for place in np.flatnonzero(self._names.is_adjusted):
            theirs = name == place
            known = np.unique(book.expiry[book.name == place])
            for day in np.setdiff1d(np.unique(expiry[theirs]), known):
                if is_monthly(day.item()):
                    rows = np.flatnonzero(theirs & (expiry == day))
                    distance = np.abs(strike[rows] - spot[place] * THOUSANDTHS)
                    found += rows[np.argsort(distance, kind="stable")[:2]].tolist()
        return np.array(found, dtype=np.int64)


def _key(name: NDArray[np.int64], expiry: NDArray[np.datetime64], strike: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for name, expiry and strike: a strike has at most eight digits, a day at most five."""
    return (name * 10**5 + expiry.astype(np.int64)) * 10**8 + strike


def _wanted(
    names: OptionNames, spot: Floats, session: date, *, with_today: bool
) -> tuple[NDArray[np.int64], NDArray[np.datetime64], NDArray[np.int64]]:
    """Name, expiry and strike (thousandths) of each standard pair that has to be listed."""
    found = []
    for is_liquid, grid in ((False, _GRID), (True, _LIQUID_GRID)):
        days = [day for day in listed_expiries(session, is_liquid=is_liquid) if with_today or day > session]
        places = np.flatnonzero(names.is_liquid == is_liquid)
        expiry = np.tile(np.array(days, dtype="datetime64[D]"), len(places))
        found.append(_strikes(names, spot, np.repeat(places, len(days)), expiry, session=session, grid=grid))
    return tuple(np.concatenate(columns) for columns in zip(*found, strict=True))  # type: ignore[return-value]


def _strikes(
    names: OptionNames,
    spot: Floats,
    name: NDArray[np.int64],
    expiry: NDArray[np.datetime64],
    *,
    session: date,
    grid: _Grid,
) -> tuple[NDArray[np.int64], NDArray[np.datetime64], NDArray[np.int64]]:
    """The strikes of each pair of name and expiry, flattened."""
    days = np.maximum((expiry - np.datetime64(session, "D")).astype(np.int64), _SHORTEST)
    deviation = names.volatility[name] * np.sqrt(days / DAYS_PER_YEAR)
    price = spot[name] * THOUSANDTHS
    distance = grid.step * np.clip(days / _WIDENING_DAYS, 1, _WIDEST) * deviation * price
    step = _STEPS[np.maximum(np.searchsorted(_STEPS, distance, side="right") - 1, 0)]
    low = np.ceil(price * np.exp(-grid.reach * deviation) / step)
    low = np.maximum(np.minimum(low, np.floor(price / step) - _FEWEST_STEPS + 1), 1)
    high = np.floor(price * np.exp(grid.reach * deviation) / step)
    high = np.maximum(high, np.floor(price / step) + _FEWEST_STEPS)
    counts = (high - low + 1).astype(np.int64)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    strike = (np.repeat(low.astype(np.int64), counts) + within) * np.repeat(step, counts)
    return np.repeat(name, counts), np.repeat(expiry, counts), strike
