"""Who is in the market: symbols, names, types, sectors and the sessions of listing and delisting.

All of it is known before the first price is drawn and depends on the plan alone, never on how far the
market is simulated. Splits and halts depend on prices and are drawn with them.
"""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np

from kapman_resources.simulation.plan import SESSIONS_PER_YEAR, MarketPlan, Stream

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
"""Sectors of the names that are not watched; watched names may bring others."""

TEST_SYMBOLS = ("ZBZX", "ZJZZT", "ZTEST", "ZTST", "ZVZZT", "ZWZZT", "ZXZZT")
"""Symbols with which the vendor's feeds are tested; no security ever has one."""

CASE_TWINS = ("TEPA", "TEpA")
"""A common stock and a preferred share that differ only in case."""

MINIMUM_LIFE = 40
"""Sessions for which every name trades at least."""


class Kind(StrEnum):
    """The vendor's type codes that the market uses."""

    COMMON = "CS"
    RECEIPT = "ADRC"
    ETF = "ETF"
    PREFERRED = "PFD"
    WARRANT = "WARRANT"
    UNIT = "UNIT"


STOCKS = frozenset({Kind.COMMON, Kind.RECEIPT})
"""Types whose prices make up the baskets and may carry a structure."""


@dataclass(frozen=True)
class Security:
    """One listed name and its life in session indices.

    Attributes:
        symbol: in the vendor's spelling, case included.
        sector: None for a basket of the whole market.
        listed: index of the first session with trading.
        delisted: index of the first session without it; None if that never comes.
    """

    symbol: str
    name: str
    kind: Kind
    sector: str | None
    is_watched: bool = False
    listed: int = 0
    delisted: int | None = None

    def delisted_on(self, sessions: Sequence[date]) -> date | None:
        """The first session without trading, if it is among the market's sessions."""
        if self.delisted is None or self.delisted >= len(sessions):
            return None
        return sessions[self.delisted]


_FILL_SHARES = {
    Kind.COMMON: 0.63,
    Kind.RECEIPT: 0.06,
    Kind.ETF: 0.15,
    Kind.PREFERRED: 0.06,
    Kind.WARRANT: 0.06,
    Kind.UNIT: 0.04,
}
_CLASS_SHARE_SHARE = 0.03
"""Share of the common stocks that are a second class of another one."""

_FIRST_WORDS = (
    "Alder Amber Anchor Arbor Aspen Basalt Beacon Birch Bright Cedar Cobalt Copper Coral Crest Delta Dover "
    "Eagle Ember Falcon Fern Garnet Glacier Granite Harbor Hazel Heron Indigo Iris Jasper Juniper Keystone "
    "Lark Linden Lotus Maple Meadow Mesa Nimbus North Oak Onyx Opal Orchard Pearl Pine Prairie Quartz Raven "
    "Ridge River Sable Sage Sierra Silver Slate Spruce Summit Tamarack Terra Topaz Umber Vale Willow Zephyr"
)
_SECOND_WORDS = (
    "Analytics Biologics Brands Capital Chemical Components Devices Dynamics Energy Foods Freight Gas "
    "Genomics Health Holdings Industries Instruments Labs Logistics Marine Materials Media Metals Mining "
    "Motors Networks Optics Packaging Partners Pharma Power Properties Rail Resources Robotics Semiconductor "
    "Software Solutions Steel Storage Systems Telecom Therapeutics Tools Transport Utilities Water Works"
)


def build_universe(plan: MarketPlan) -> tuple[Security, ...]:
    """Every security that ever trades, ascending by symbol in byte order (the order of the vendor's rows)."""
    watched = [
        Security(name.symbol, name.name, Kind.ETF if name.is_etf else Kind.COMMON, name.sector, True)
        for name in plan.watched
        if name.symbol not in plan.dead
    ]
    taken = {name.symbol for name in plan.watched}
    fill = _with_lives(plan, _fill(plan, plan.names - len(watched), taken))
    return tuple(sorted([*watched, *fill], key=lambda security: security.symbol))


def _fill(plan: MarketPlan, count: int, taken: set[str]) -> list[Security]:
    """Draw `count` securities whose symbols are not in `taken`."""
    rng = plan.rng(Stream.SYMBOLS)
    fresh = _fresh_symbols(rng, taken | set(TEST_SYMBOLS) | set(CASE_TWINS))
    kinds = rng.choice(list(_FILL_SHARES), size=count, p=list(_FILL_SHARES.values()))
    drawn: list[Security] = []
    bases: list[Security] = []
    if count >= len(CASE_TWINS) and taken.isdisjoint(CASE_TWINS):
        common, preferred = CASE_TWINS
        drawn.append(Security(common, "Tellurium Partners Inc.", Kind.COMMON, "Industrials"))
        drawn.append(Security(preferred, "Telegraph Estates Preferred Series A", Kind.PREFERRED, "Real Estate"))
    derived = set(taken)
    while len(drawn) < count:
        kind = Kind(kinds[len(drawn)])
        is_derived = kind in {Kind.PREFERRED, Kind.WARRANT, Kind.UNIT}
        is_derived |= kind is Kind.COMMON and rng.random() < _CLASS_SHARE_SHARE
        if is_derived and bases:
            security = _derived(kind, bases[int(rng.integers(len(bases)))], str(rng.choice(list("ABCDEF"))))
            if security.symbol not in derived:
                derived.add(security.symbol)
                drawn.append(security)
                continue
        security = _original(Kind.COMMON if is_derived else kind, next(fresh), rng)
        if security.kind is Kind.COMMON:
            bases.append(security)
        drawn.append(security)
    return drawn


def _fresh_symbols(rng: np.random.Generator, taken: set[str]) -> Iterator[str]:
    """Endless three- and four-letter symbols, none twice and none in `taken`."""
    used = set(taken)
    while True:
        letters = rng.integers(len(string.ascii_uppercase), size=int(rng.choice([3, 4], p=[0.15, 0.85])))
        symbol = "".join(string.ascii_uppercase[letter] for letter in letters)
        if symbol not in used:
            used.add(symbol)
            yield symbol


def _original(kind: Kind, symbol: str, rng: np.random.Generator) -> Security:
    sector = SECTORS[int(rng.integers(len(SECTORS)))]
    first, second = str(rng.choice(_FIRST_WORDS.split())), str(rng.choice(_SECOND_WORDS.split()))
    name = {
        Kind.COMMON: f"{first} {second} Inc.",
        Kind.RECEIPT: f"{first} {second} plc American Depositary Shares",
        Kind.ETF: f"{first} {sector} Select ETF",
    }[kind]
    return Security(symbol, name, kind, sector)


def _derived(kind: Kind, base: Security, series: str) -> Security:
    suffix, words = {
        Kind.COMMON: (".B", "Class B"),
        Kind.PREFERRED: (f"p{series}", f"Preferred Series {series}"),
        Kind.WARRANT: (".WS", "Warrants"),
        Kind.UNIT: (".U", "Units"),
    }[kind]
    return Security(base.symbol + suffix, f"{base.name} {words}", kind, base.sector)


def _with_lives(plan: MarketPlan, fill: list[Security]) -> list[Security]:
    """Give each security its sessions of listing and delisting."""
    rng = plan.rng(Stream.LIVES)
    count = len(fill)
    is_late = rng.random(count) < plan.late_listing_share
    listed = np.where(is_late, rng.integers(1, plan.life_sessions + 1, size=count), 0)
    # A geometric life, by inversion so that a rate of 0 is a life without end.
    with np.errstate(divide="ignore"):
        life = np.log(rng.random(count)) / np.log1p(-plan.delistings_per_year / SESSIONS_PER_YEAR)
    return [
        replace(
            security,
            listed=int(start),
            delisted=None
            if security.kind is Kind.ETF or not np.isfinite(length)
            else int(start + MINIMUM_LIFE + length),
        )
        for security, start, length in zip(fill, listed, life, strict=True)
    ]
