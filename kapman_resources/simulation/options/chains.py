"""The order in which a session's chains come about, and what is known of them at its close.

`OptionMarket` is stepped through the walk of the stocks. Its book begins some sessions before the first chain
that is told, so that contracts have a past by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from kapman_resources.sessions import sessions_between
from kapman_resources.simulation.options.contracts import STANDARD_SHARES, THOUSANDTHS, Contracts, empty_book
from kapman_resources.simulation.options.listings import ListedSplit, Listings
from kapman_resources.simulation.options.names import OptionNames, draw_names
from kapman_resources.simulation.options.pricing import DAYS_PER_YEAR, Values, value
from kapman_resources.simulation.options.surface import Smiles, Surface
from kapman_resources.simulation.options.trading import Trading
from kapman_resources.simulation.plan import MarketPlan
from kapman_resources.simulation.prices import SessionBars
from kapman_resources.simulation.traits import Bools, Floats
from kapman_resources.simulation.universe import Security

IV_DECIMALS = 6
"""Values are of the implied volatility as it is told, so that they can be recomputed from it."""

_PAST = 40
"""Sessions by which the book is older than the first chain."""


@dataclass(frozen=True)
class SessionChains:
    """All chains at the close of a session, as they truly are.

    Attributes:
        index, session: of the stocks' session.
        names: the underlyings.
        spot: raw close of each name, the last one while it is halted.
        smiles: the surface.
        contracts: the book, day bars of the session included and open interest of its morning.
        volatility: implied volatility of each contract; NaN on its last day.
        values: what each contract is worth.
    """

    index: int
    session: date
    names: OptionNames
    spot: Floats
    smiles: Smiles
    contracts: Contracts
    volatility: Floats
    values: Values

    @property
    def years(self) -> Floats:
        """Calendar years to expiry of each contract, 0 on its last day."""
        return years_to(self.contracts, self.session)

    @property
    def is_standard(self) -> Bools:
        """Whether each contract is neither adjusted nor of another size."""
        return np.asarray((self.contracts.digit == 0) & (self.contracts.shares == STANDARD_SHARES))


def years_to(book: Contracts, session: date) -> Floats:
    """Calendar years from a session to each contract's expiry."""
    return np.asarray((book.expiry - np.datetime64(session, "D")).astype(np.int64) / DAYS_PER_YEAR)


class OptionMarket:
    """The option market beside the walk. It has to see every session of the walk from the first one on."""

    def __init__(self, plan: MarketPlan, securities: Sequence[Security]) -> None:
        self._plan = plan
        self._names = names = draw_names(plan, securities)
        self._place = {int(security): name for name, security in enumerate(names.security)}
        self._surface, self._trading, self._listings = Surface(plan, names), Trading(plan, names), Listings(plan, names)
        self._spot = np.full(len(names), np.nan)
        self._book = empty_book()
        first = plan.first_chain_session
        is_before = [] if first is None else sessions_between(plan.first_session, first - timedelta(days=1))
        self._first_index = np.inf if first is None else len(is_before)

    def step(self, bars: SessionBars) -> SessionChains | None:
        """Follow the stocks through a session; None before the first one with chains."""
        names = self._names
        self._spot = np.where(bars.is_printed[names.security], bars.close[names.security], self._spot)
        smiles = self._surface.step(bars)
        self._trading.follow(bars)
        if bars.index < self._first_index - _PAST:
            return None
        book = self._opened(bars)
        strike, years = book.strike / THOUSANDTHS, years_to(book, bars.session)
        spot = self._spot[book.name]
        volatility = smiles.volatility(book.name, book.expiry, np.log(strike / spot)).round(IV_DECIMALS)
        values = value(spot, strike, years, volatility, book.is_call)
        appetite = self._trading.appetite(book, self._spot, smiles.session)
        if not len(self._book):
            book = replace(book, open_interest=self._trading.opening(appetite))
        self._book = self._trading.traded(book, appetite, values, self._spot, bars)
        if bars.index < self._first_index:
            return None
        return SessionChains(
            index=bars.index,
            session=bars.session,
            names=names,
            spot=self._spot,
            smiles=smiles,
            contracts=self._book,
            volatility=volatility,
            values=values,
        )

    def _opened(self, bars: SessionBars) -> Contracts:
        """The book before the session's trading: what was opened is counted, what has expired is gone."""
        book = self._book
        book = replace(book, open_interest=book.open_interest + book.opened)
        book = book.taken(book.expiry >= np.datetime64(bars.session, "D"))
        splits = (
            ListedSplit(self._place[split.name], split.split_from, split.split_to)
            for split in bars.splits
            if split.name in self._place
        )
        book = self._listings.adjusted(book, splits)
        return book.extended(self._listings.listed(book, self._spot, bars.session, bars.index))
