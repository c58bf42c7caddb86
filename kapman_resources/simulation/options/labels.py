"""The truth about a session's chains: dealers' gamma, where it vanishes, its walls, and the level of volatility.

Calculated from the true values of every contract, those included whose greeks the pages leave out. Adjusted
contracts and those on their last day do not count. The definitions are the market's usual ones; what reads the
pages has its own implementation of them.
"""

from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.options.chains import SessionChains
from kapman_resources.simulation.options.contracts import THOUSANDTHS
from kapman_resources.simulation.options.pricing import DAYS_PER_YEAR
from kapman_resources.simulation.traits import Bools, Floats

_ONE_PERCENT = 0.01
_FLIP_RANGE, _FLIP_POINTS = 0.2, 401
_ZOOMS, _ZOOM_POINTS = 5, 33
"""The interval with the zero, a thousandth of the spot wide, is divided this often into so many points."""

_WALL_DAYS, _WALL_REACH = 60, 0.25
_LEVEL_DAYS = 30


class ChainLabel(NamedTuple):
    """The truth about one chain; None where there is no such thing.

    Attributes:
        session, symbol: which chain.
        spot: raw price of the underlying in USD.
        net_gex: dealers' gamma exposure, USD per move of 1 %: that of the calls less that of the puts.
        flip: spot nearest to the present one, within 20 %, at which net gamma vanishes by re-pricing.
        call_wall, put_wall: strikes with the largest gamma exposure of 1 to 60 days, within 25 % of the spot.
        call_wall_oi, put_wall_oi: the same by open interest.
        atm_iv_30d: volatility at the money in 30 days, linear in total variance between the expiries.
        contracts: rows of the chain.
        adjusted: adjusted ones among them.
    """

    session: date
    symbol: str
    spot: float
    net_gex: float
    flip: float | None
    call_wall: float | None
    put_wall: float | None
    call_wall_oi: float | None
    put_wall_oi: float | None
    atm_iv_30d: float | None
    contracts: int
    adjusted: int


def labels_of(chains: SessionChains) -> list[ChainLabel]:
    """The labels of a session, by name."""
    borders = np.searchsorted(chains.contracts.name, np.arange(len(chains.names) + 1)).tolist()
    is_standard, years = chains.is_standard, chains.years
    return [
        _label(chains, place, slice(first, last), is_standard, years)
        for place, (first, last) in enumerate(pairwise(borders))
    ]


def _label(chains: SessionChains, place: int, rows: slice, is_standard: Bools, years: Floats) -> ChainLabel:
    """The label of the name at `place`, whose contracts are at `rows`."""
    book, spot = chains.contracts, float(chains.spot[place])
    counted = rows.start + np.flatnonzero(is_standard[rows] & (years[rows] > 0))
    strike, held, is_call = book.strike[counted] / THOUSANDTHS, book.open_interest[counted], book.is_call[counted]
    years, volatility = years[counted], chains.volatility[counted]
    shares = np.where(is_call, 1, -1) * held * book.shares[counted]
    gex = shares * chains.values.gamma[counted] * spot**2 * _ONE_PERCENT
    is_near = (np.rint(years * DAYS_PER_YEAR) <= _WALL_DAYS) & (np.abs(strike / spot - 1) <= _WALL_REACH)
    calls, puts = is_near & is_call, is_near & ~is_call
    return ChainLabel(
        session=chains.session,
        symbol=chains.names.symbols[place],
        spot=spot,
        net_gex=float(gex.sum()),
        flip=_flip(spot, strike[is_call], years[is_call], volatility[is_call], _in_pairs(shares, is_call)),
        call_wall=_wall(strike[calls], gex[calls], spot),
        put_wall=_wall(strike[puts], -gex[puts], spot),
        call_wall_oi=_wall(strike[calls], held[calls], spot),
        put_wall_oi=_wall(strike[puts], held[puts], spot),
        atm_iv_30d=_level(chains, place, np.unique(book.expiry[counted])),
        contracts=rows.stop - rows.start,
        adjusted=int((~is_standard[rows]).sum()),
    )


def _in_pairs(shares: NDArray[np.int64], is_call: Bools) -> NDArray[np.int64]:
    """Sums over the calls and puts of a strike: they are listed together and stand in the same order."""
    return np.asarray(shares[is_call] + shares[~is_call])


def _flip(spot: float, strike: Floats, years: Floats, volatility: Floats, shares: NDArray[np.int64]) -> float | None:
    """The zero of net gamma nearest to the spot, the lower one of two as near."""
    deviation = volatility * np.sqrt(years)
    away = deviation / 2 - np.log(strike) / deviation
    # gamma(X) X² up to a factor that all contracts share: X exp(-d1² / 2) / deviation.
    weight = shares / deviation

    def net(spots: Floats) -> Floats:
        d1 = np.log(spots)[:, None] / deviation + away
        return np.asarray(spots * (np.exp(-(d1**2) / 2) @ weight))

    grid = spot * np.linspace(1 - _FLIP_RANGE, 1 + _FLIP_RANGE, _FLIP_POINTS)
    profile = net(grid)
    turns = np.flatnonzero(np.sign(profile[1:]) * np.sign(profile[:-1]) < 0)
    if not len(turns):
        return None
    slope = (profile[turns + 1] - profile[turns]) / (grid[turns + 1] - grid[turns])
    zeros = grid[turns] - profile[turns] / slope
    turn = int(turns[np.argmin(np.abs(zeros - spot))])
    is_positive = profile[turn] > 0
    for _ in range(_ZOOMS):
        grid = np.linspace(grid[turn], grid[turn + 1], _ZOOM_POINTS)
        turn = int(np.argmax((net(grid)[1:] > 0) != is_positive))
    return float((grid[turn] + grid[turn + 1]) / 2)


def _wall(strike: Floats, held: NDArray[np.float64] | NDArray[np.int64], spot: float) -> float | None:
    """The strike at which most is held; of equal ones the nearest to the spot, then the lower one."""
    strikes, place = np.unique(strike, return_inverse=True)
    sums = np.bincount(place, weights=held, minlength=len(strikes))
    if not (sums > 0).any():
        return None
    highest = strikes[sums == sums.max()].tolist()
    return float(min(highest, key=lambda level: (abs(level - spot), level)))


def _level(chains: SessionChains, place: int, expiries: NDArray[np.datetime64]) -> float | None:
    """Volatility at the money in 30 days; None beyond the first and the last expiry."""
    days = (expiries - chains.smiles.session).astype(np.int64)
    if not len(days) or not days[0] <= _LEVEL_DAYS <= days[-1]:
        return None
    variance = chains.smiles.at_the_money(np.full(len(days), place), expiries)
    return float(np.sqrt(np.interp(_LEVEL_DAYS, days, variance) / _LEVEL_DAYS * DAYS_PER_YEAR))
