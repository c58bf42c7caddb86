"""Strikes that hold the most gamma or open interest, and the strike at which option holders are paid least."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Chain, by_expiry
from kapman_assets.options.gamma_exposure import gex_by_strike

TOP = 3
MAX_DTE = 60
"""Calendar days to expiry up to which a contract counts for walls."""
MAX_DISTANCE = 0.25
"""Share of the spot within which a strike can be a wall."""

_SAME = 1e-12
"""Relative difference below which two pay-outs are equal."""


class Basis(StrEnum):
    """What makes a wall high."""

    GAMMA = "gex"
    OPEN_INTEREST = "oi"


@dataclass(frozen=True)
class Wall:
    """A strike and what it holds on one side.

    Attributes:
        strike: price per share.
        gex: dollars per 1 % of its calls (>= 0) or puts (<= 0); None if unknown.
        oi: contracts.
        share_of_side: its part of the side's exposure, or open interest, within reach; in (0, 1].
        distance_pct: from the spot, per cent; above it is positive.
    """

    strike: float
    gex: float | None
    oi: float
    share_of_side: float
    distance_pct: float


@dataclass(frozen=True)
class MaxPain:
    """The pin of one expiry.

    Attributes:
        expiration_date: the expiry.
        strike: where the holders of its options would be paid least.
        payout: what they would be paid there, dollars.
        open_interest: contracts of the expiry.
    """

    expiration_date: date
    strike: float
    payout: float
    open_interest: float


@dataclass(frozen=True)
class Walls:
    """Walls of both sides on one basis, the highest first, at most three a side.

    Attributes:
        calls: largest exposure or open interest of calls.
        puts: of puts.
        call_above_spot: the highest call wall with a strike above the spot; None if there is none.
    """

    calls: tuple[Wall, ...]
    puts: tuple[Wall, ...]
    call_above_spot: Wall | None


def find_walls(chain: Chain, basis: Basis = Basis.GAMMA) -> Walls:
    """Rank strikes within 25 % of the spot by contracts of 1 to 60 days; ties go to the nearer, then the lower one."""
    if chain.spot is None:
        return Walls((), (), None)
    table = gex_by_strike(chain, max_dte=MAX_DTE)
    calls = _ranked(table.strike, table.call_gex, table.call_oi, basis, chain.spot)
    puts = _ranked(table.strike, table.put_gex, table.put_oi, basis, chain.spot)
    above = next((wall for wall in calls if wall.strike > chain.spot), None)
    return Walls(calls[:TOP], puts[:TOP], above)


def _ranked(strikes: Floats, gex: Floats, oi: Floats, basis: Basis, spot: float) -> tuple[Wall, ...]:
    """All strikes of a side that hold something within reach, the highest first."""
    held = np.abs(gex if basis == Basis.GAMMA else oi)
    distance = strikes / spot - 1
    places = np.flatnonzero((np.abs(distance) <= MAX_DISTANCE) & (held > 0))
    everything = held[places].sum()
    order = np.lexsort((strikes[places], np.abs(strikes[places] - spot), -held[places]))
    return tuple(
        Wall(
            strike=float(strikes[place]),
            gex=None if np.isnan(gex[place]) else float(gex[place]),
            oi=float(oi[place]),
            share_of_side=float(held[place] / everything),
            distance_pct=float(distance[place]) * 100,
        )
        for place in places[order]
    )


def max_pain(chain: Chain) -> tuple[MaxPain, ...]:
    """The pin of each expiry, the nearest first; expiries without open interest on both sides have none.

    At a settlement X the holders are paid `sum(OI * multiplier * max(sign * (X - strike), 0))`; looked at are the
    strikes with open interest. Of equal pay-outs the strike nearest to the spot counts, then the lower one.
    """
    spot = chain.spot
    if spot is None:
        return ()
    pins = (_pin(chain, places, spot) for places in by_expiry(chain, chain.open_interest > 0))
    return tuple(pin for pin in pins if pin is not None)


def _pin(chain: Chain, places: npt.NDArray[np.intp], spot: float) -> MaxPain | None:
    is_call = chain.is_call[places]
    if is_call.all() or not is_call.any():
        return None
    strikes, signs, open_interest = chain.strike[places], chain.sign[places], chain.open_interest[places]
    settlements = np.unique(strikes)
    shares = open_interest * chain.multiplier[places]
    payouts = np.einsum("sc,c->s", np.maximum(signs * (settlements[:, None] - strikes), 0), shares)
    least = np.flatnonzero(payouts <= payouts.min() * (1 + _SAME))
    best = min(least, key=lambda place: (abs(settlements[place] - spot), settlements[place]))
    return MaxPain(
        expiration_date=chain.expiration_date[places[0]].item(),
        strike=float(settlements[best]),
        payout=float(payouts[best]),
        open_interest=float(open_interest.sum()),
    )
