"""What a simulated market is drawn from: every parameter, its default, and its form in JSON.

Holds the plan and the random streams derived from its seed. Drawing anything from them belongs to the
modules beside this one.
"""

from dataclasses import asdict, dataclass
from datetime import date
from enum import IntEnum, unique
from typing import Any

import numpy as np

from kapman_resources.errors import ConfigurationError

FORMAT_VERSION = 2
"""Raised whenever the same plan would draw other files: an older directory is then refused, not extended."""

SESSIONS_PER_YEAR = 252


@unique
class Stream(IntEnum):
    """Independent random streams of one seed; a stream's number never changes meaning."""

    SYMBOLS = 1
    LIVES = 2
    IDENTITIES = 3
    TRAITS = 4
    FACTORS = 5
    NAMES = 6
    SPLITS = 7
    HALTS = 8
    STRUCTURES = 9
    FAULTS = 10
    OPTION_NAMES = 11
    OPTION_SURFACE = 12
    OPTION_LISTINGS = 13
    OPTION_TRADES = 14
    OPTION_HOLDINGS = 15
    OPTION_GAPS = 16


@dataclass(frozen=True)
class WatchedName:
    """A symbol that the market must hold under its real name."""

    symbol: str
    name: str
    sector: str | None
    is_etf: bool = False


@dataclass(frozen=True, kw_only=True)
class MarketPlan:
    """Every parameter of a simulated market. Two markets with equal plans are byte-identical.

    Attributes:
        first_session: session 0; a day that is not a session stands for the next one.
        watched: names that must be in the market; all but the dead ones trade from session 0 for ever.
            An ETF without a sector is a basket of the whole market.
        dead: symbols of `watched` that never trade; every second one is in the reference, as inactive.
        first_chain_session: the first session with option chains of the watched names, or the day before it;
            None is a market without.
        without_options: symbols of `watched` that trade but have no options.
        adjusted_options: symbols of `watched` that always have some contracts adjusted after a corporate action.
        seed: root of all randomness, not negative.
        names: symbols ever listed, watched ones included and dead ones not.
        life_sessions: sessions over which late listings are spread; the market itself has no end.
        late_listing_share: share of the names that are not watched and list after session 0.
        delistings_per_year: chance a year that a name that is neither watched nor an ETF is delisted.
        forward_splits_per_year: chance a year of a forward split while the price is high.
        reverse_splits_per_year: chance a year of a reverse split while the price is low.
        halts_per_year: trading halts a year of a name that is not an ETF.
        structure_share: chance that a common stock carries a Wyckoff structure in a block of sessions.
        structure_noise: share of a name's ordinary returns that remains as noise inside a structure.
        fault_rate: chance of each row to be bad; 0 also leaves out the vendor's test symbols.

    Raises:
        ConfigurationError: a parameter is outside its range; the message names it.
    """

    first_session: date
    watched: tuple[WatchedName, ...]
    dead: tuple[str, ...] = ()
    first_chain_session: date | None = None
    without_options: tuple[str, ...] = ()
    adjusted_options: tuple[str, ...] = ()
    seed: int = 7
    names: int = 300
    life_sessions: int = 756
    late_listing_share: float = 0.15
    delistings_per_year: float = 0.05
    forward_splits_per_year: float = 0.25
    reverse_splits_per_year: float = 0.8
    halts_per_year: float = 0.05
    structure_share: float = 0.6
    structure_noise: float = 0.5
    fault_rate: float = 0.0005

    def __post_init__(self) -> None:
        symbols = [watched.symbol for watched in self.watched]
        unknown = sorted(set(self.dead) - set(symbols))
        trading = set(symbols) - set(self.dead)
        not_trading = sorted(set(self.without_options) - trading)
        not_optionable = sorted(set(self.adjusted_options) - trading.difference(self.without_options))
        alive = len(symbols) - len(self.dead)
        shares = ("late_listing_share", "structure_share", "structure_noise", "fault_rate")
        rates = (
            "delistings_per_year",
            "forward_splits_per_year",
            "reverse_splits_per_year",
            "halts_per_year",
        )
        problems = [
            (len(set(symbols)) < len(symbols), "watched: a symbol occurs twice"),
            (len(set(self.dead)) < len(self.dead), "dead: a symbol occurs twice"),
            (bool(unknown), f"dead: {', '.join(unknown)} is not among the watched names"),
            (bool(not_trading), f"without_options: {', '.join(not_trading)} is not watched, or dead"),
            (
                bool(not_optionable),
                f"adjusted_options: {', '.join(not_optionable)} is not watched, dead or without options",
            ),
            (self.seed < 0, f"seed: {self.seed} is negative"),
            (self.names < max(alive, 1), f"names: {self.names} is less than the {alive} watched names"),
            (self.life_sessions < 1, f"life_sessions: {self.life_sessions} is less than 1"),
            *((not 0 <= getattr(self, name) <= 1, f"{name}: outside 0 to 1") for name in shares),
            *(
                (not 0 <= getattr(self, name) <= SESSIONS_PER_YEAR, f"{name}: outside 0 to one a session")
                for name in rates
            ),
        ]
        for is_wrong, message in problems:
            if is_wrong:
                raise ConfigurationError(f"The plan of the simulated market cannot work: {message}.")

    def rng(self, stream: Stream, *index: int) -> np.random.Generator:
        """The generator of one stream, or of one of its parts (a session, a name and block)."""
        return np.random.default_rng([self.seed, stream, *index])

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return {
            **asdict(self),
            "first_session": self.first_session.isoformat(),
            "watched": [asdict(watched) for watched in self.watched],
            "dead": list(self.dead),
            "first_chain_session": None if self.first_chain_session is None else self.first_chain_session.isoformat(),
            "without_options": list(self.without_options),
            "adjusted_options": list(self.adjusted_options),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "MarketPlan":
        """The plan that `to_json` wrote."""
        chains = values["first_chain_session"]
        return cls(
            **{
                **values,
                "first_session": date.fromisoformat(values["first_session"]),
                "watched": tuple(WatchedName(**watched) for watched in values["watched"]),
                "dead": tuple(values["dead"]),
                "first_chain_session": None if chains is None else date.fromisoformat(chains),
                "without_options": tuple(values["without_options"]),
                "adjusted_options": tuple(values["adjusted_options"]),
            }
        )
