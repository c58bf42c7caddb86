"""What stays the same for a name all its life: price level, risk, size, sector, drawn once from the plan.

The daily process in `prices` starts from these; which names there are is decided in `universe`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.universe import STOCKS, Kind, Security

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MARKET_VOLATILITY, SECTOR_VOLATILITY = 0.008, 0.007
"""Daily log volatility of the two common factors."""

REPORT_EVERY = 63
"""Sessions between two earnings reports of a company."""

TRADE_SIZE_SPREAD = 0.2
_TRADE_SIZE = 90.0
_SPLITTING = STOCKS | {Kind.ETF}


class _KindTraits(NamedTuple):
    """Medians and log spreads of a type's traits: USD, daily log volatility of its own, USD a session, beta."""

    price: float
    price_spread: float
    volatility: float
    dollars: float
    dollars_spread: float
    beta: float


_TRAITS = {
    Kind.COMMON: _KindTraits(38.0, 1.0, 0.017, 2e7, 1.8, 1.0),
    Kind.RECEIPT: _KindTraits(22.0, 0.9, 0.018, 1e7, 1.6, 0.9),
    Kind.ETF: _KindTraits(55.0, 0.6, 0.002, 2e7, 1.8, 1.0),
    Kind.PREFERRED: _KindTraits(23.0, 0.1, 0.004, 4e5, 1.0, 0.2),
    Kind.WARRANT: _KindTraits(0.6, 1.0, 0.035, 1e5, 1.3, 1.2),
    Kind.UNIT: _KindTraits(10.3, 0.05, 0.003, 2e5, 1.2, 0.1),
}
_WATCHED_TRAITS = {
    Kind.COMMON: _KindTraits(140.0, 0.7, 0.013, 1.5e9, 0.8, 1.0),
    Kind.ETF: _KindTraits(150.0, 0.5, 0.002, 2.5e9, 1.0, 1.0),
}
_PENNY_SHARE, _PENNY_PRICE = 0.06, 0.9
"""Share of the unwatched common stocks that begin at tiny prices, and the median of these (USD)."""

_LONE_ASSET_VOLATILITY, _LONE_ASSET_BETA = 0.009, 0.1
"""An ETF of a sector without stocks (gold, bonds) moves by itself."""

MARKET_BASKET, NO_BASKET = -1, -2
"""Sector numbers of an ETF of the whole market, and of a name that is no basket."""


@dataclass(frozen=True)
class Traits:
    """What stays the same for each name: drawn traits, sector numbers and the life, one entry per name."""

    start_price: Floats
    idiosyncratic: Floats
    market_beta: Floats
    sector_beta: Floats
    sector: NDArray[np.int64]
    sectors: int
    basket: NDArray[np.int64]
    log_shares: Floats
    trade_size: Floats
    report_phase: NDArray[np.int64]
    is_stock: Bools
    may_split: Bools
    listed: NDArray[np.int64]
    delisted: NDArray[np.int64]

    @property
    def volatility(self) -> Floats:
        """Long-run daily log volatility."""
        return np.sqrt(
            self.idiosyncratic**2
            + (self.market_beta * MARKET_VOLATILITY) ** 2
            + (self.sector_beta * SECTOR_VOLATILITY) ** 2
        )


def draw_traits(plan: MarketPlan, securities: Sequence[Security]) -> Traits:
    """Draw every name's traits."""
    rng = plan.rng(Stream.TRAITS)
    count = len(securities)
    kinds = [
        _WATCHED_TRAITS[security.kind] if security.is_watched else _TRAITS[security.kind] for security in securities
    ]
    price, price_spread, volatility, dollars, dollars_spread, beta = np.array(kinds, dtype=np.float64).T
    is_stock = np.array([security.kind in STOCKS for security in securities])
    is_penny = is_stock & ~np.array([security.is_watched for security in securities])
    is_penny &= rng.random(count) < _PENNY_SHARE
    price = np.where(is_penny, _PENNY_PRICE, price)

    stocked = {security.sector for security in securities if security.kind in STOCKS}
    numbers = {sector: i for i, sector in enumerate(sorted({s.sector or "" for s in securities}))}
    basket = np.array([_basket_of(security, stocked, numbers) for security in securities])
    is_etf = np.array([security.kind is Kind.ETF for security in securities])
    is_lone = is_etf & (basket == NO_BASKET)
    volatility = np.where(is_lone, _LONE_ASSET_VOLATILITY, volatility)
    beta = np.where(is_lone, _LONE_ASSET_BETA, beta)

    start_price = price * np.exp(price_spread * rng.standard_normal(count))
    log_dollars = np.log(dollars) + dollars_spread * rng.standard_normal(count)
    is_steady = is_etf | (beta < 1 / 2)
    beta_spread = np.where(is_steady, 0.0, 0.25)
    has_sector_risk = (basket != MARKET_BASKET) & ~is_lone
    return Traits(
        start_price=start_price,
        idiosyncratic=volatility * np.exp(np.where(is_etf, 0.0, 0.35) * rng.standard_normal(count)),
        market_beta=beta + beta_spread * rng.standard_normal(count),
        sector_beta=np.where(has_sector_risk, beta + beta_spread * rng.standard_normal(count), 0.0),
        sector=np.array([numbers[security.sector or ""] for security in securities]),
        sectors=len(numbers),
        basket=basket,
        log_shares=log_dollars - np.log(start_price),
        trade_size=_TRADE_SIZE * np.exp(TRADE_SIZE_SPREAD * rng.standard_normal(count)),
        report_phase=rng.integers(REPORT_EVERY, size=count),
        is_stock=is_stock,
        may_split=np.array([security.kind in _SPLITTING for security in securities]),
        listed=np.array([security.listed for security in securities]),
        delisted=np.array(
            [np.iinfo(np.int64).max if s.delisted is None else s.delisted for s in securities],
            dtype=np.int64,
        ),
    )


def _basket_of(security: Security, stocked: set[str | None], numbers: dict[str, int]) -> int:
    """The sector number whose stocks the security is a basket of, or one of the two special values."""
    if security.kind is not Kind.ETF:
        return NO_BASKET
    if security.sector is None:
        return MARKET_BASKET
    return numbers[security.sector] if security.sector in stocked else NO_BASKET
