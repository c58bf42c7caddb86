"""The underlyings with listed options and what each keeps all its life.

Drawn once from the plan. What moves from session to session belongs to `surface` and `trading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.plan import SESSIONS_PER_YEAR, MarketPlan, Stream
from kapman_resources.simulation.traits import Bools, Floats, draw_traits
from kapman_resources.simulation.universe import Kind, Security

_LIQUID_STOCKS = 0.08
"""Share of the stocks, the most traded ones, that have weekly expiries and many strikes; every ETF has."""

_WITHOUT_PRICE = 0.1
"""Share of the names whose rows do not tell the price of the underlying."""

_SKEW, _ETF_SKEW, _SKEW_SPREAD = 0.30, 0.45, 0.25
"""Medians and log spread of the correlation of a name with its volatility, sign left out."""

_PUT_TILT, _PUT_TILT_SPREAD = 1.0, 0.3
"""Median and log spread of the puts held for each call."""

_HELD, _HELD_SPREAD = 1.2, 0.4
"""Median and log spread of the shares under all open contracts, in sessions of the stock's volume."""


@dataclass(frozen=True)
class OptionNames:
    """The underlyings, ascending by symbol; arrays have one entry per underlying.

    Attributes:
        symbols: their symbols.
        roots: their OCC roots: the symbol without anything but letters and digits.
        security: place of each in the market's securities.
        is_liquid: whether there are weekly expiries and a fine grid of strikes.
        has_price: whether the vendor tells the price of the underlying.
        is_adjusted: whether adjusted contracts are listed with every monthly expiry.
        is_stock: whether the company reports earnings.
        volatility: long-run log volatility of a year.
        own_variance: variance of a session that is the name's own.
        report_phase: as in `Traits`.
        skew: long-run correlation with the volatility, sign left out.
        put_tilt: puts held for each call in the long run.
        held: shares under open contracts, in sessions of the stock's volume.
    """

    symbols: tuple[str, ...]
    roots: tuple[str, ...]
    security: NDArray[np.int64]
    is_liquid: Bools
    has_price: Bools
    is_adjusted: Bools
    is_stock: Bools
    volatility: Floats
    own_variance: Floats
    report_phase: NDArray[np.int64]
    skew: Floats
    put_tilt: Floats
    held: Floats

    def __len__(self) -> int:
        return len(self.symbols)


def draw_names(plan: MarketPlan, securities: Sequence[Security]) -> OptionNames:
    """Draw the underlyings: the watched names that trade, but for those without options."""
    traits = draw_traits(plan, securities)
    place = np.array(
        [
            index
            for index, security in enumerate(securities)
            if security.is_watched and security.symbol not in plan.without_options
        ],
        dtype=np.int64,
    )
    symbols = tuple(securities[index].symbol for index in place)
    count = len(symbols)
    is_etf = np.array([securities[index].kind is Kind.ETF for index in place], dtype=np.bool_)
    dollars = np.where(is_etf, np.inf, (traits.log_shares + np.log(traits.start_price))[place])
    liquid = int(is_etf.sum()) + int(np.ceil(_LIQUID_STOCKS * (~is_etf).sum()))
    is_liquid = np.zeros(count, dtype=np.bool_)
    is_liquid[np.argsort(-dollars, kind="stable")[:liquid]] = True

    rng = plan.rng(Stream.OPTION_NAMES)
    has_price = np.ones(count, dtype=np.bool_)
    has_price[rng.permutation(count)[: int(np.ceil(_WITHOUT_PRICE * count))]] = False
    skew, tilt, held = rng.standard_normal((3, count))
    return OptionNames(
        symbols=symbols,
        roots=tuple("".join(letter for letter in symbol.upper() if letter.isalnum()) for symbol in symbols),
        security=place,
        is_liquid=is_liquid,
        has_price=has_price,
        is_adjusted=np.array([symbol in plan.adjusted_options for symbol in symbols], dtype=np.bool_),
        is_stock=traits.is_stock[place],
        volatility=traits.volatility[place] * np.sqrt(SESSIONS_PER_YEAR),
        own_variance=traits.idiosyncratic[place] ** 2,
        report_phase=traits.report_phase[place],
        skew=np.where(is_etf, _ETF_SKEW, _SKEW) * np.exp(_SKEW_SPREAD * skew),
        put_tilt=_PUT_TILT * np.exp(_PUT_TILT_SPREAD * tilt),
        held=_HELD * np.exp(_HELD_SPREAD * held),
    )
