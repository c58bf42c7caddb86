"""Strikes that hold the most gamma or open interest, and the strike at which option holders are paid least."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd

from kapman_assets.options.chain import Chain, numbers
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
    table = table[(table["strike"] / chain.spot - 1).abs() <= MAX_DISTANCE]
    calls, puts = (_ranked(table, side, basis, chain.spot) for side in ("call", "put"))
    above = [wall for wall in calls if wall.strike > chain.spot]
    return Walls(calls[:TOP], puts[:TOP], above[0] if above else None)


def _ranked(table: pd.DataFrame, side: str, basis: Basis, spot: float) -> tuple[Wall, ...]:
    """All strikes of a side that hold something, the highest first."""
    held = table[f"{side}_{basis}"].abs()
    rows = table.assign(held=held, distance=(table["strike"] - spot).abs())[held > 0]
    everything = float(rows["held"].sum())
    rows = rows.sort_values(["held", "distance", "strike"], ascending=[False, True, True])
    columns = (numbers(rows, name) for name in ("strike", f"{side}_gex", f"{side}_oi", "held"))
    return tuple(
        Wall(
            strike=float(strike),
            gex=None if np.isnan(gex) else float(gex),
            oi=float(oi),
            share_of_side=float(part / everything),
            distance_pct=float(strike / spot - 1) * 100,
        )
        for strike, gex, oi, part in zip(*columns, strict=True)
    )


def max_pain(chain: Chain) -> tuple[MaxPain, ...]:
    """The pin of each expiry, the nearest first; expiries without open interest on both sides have none.

    At a settlement X the holders are paid `sum(OI * multiplier * max(sign * (X - strike), 0))`; looked at are the
    strikes with open interest. Of equal pay-outs the strike nearest to the spot counts, then the lower one.
    """
    if chain.spot is None:
        return ()
    rows = chain.rows[chain.rows["open_interest"] > 0]
    pins = (_pin(group, chain.spot) for _, group in rows.groupby("expiration_date", sort=True))
    return tuple(pin for pin in pins if pin is not None)


def _pin(rows: pd.DataFrame, spot: float) -> MaxPain | None:
    if rows["is_call"].nunique() < len(("call", "put")):
        return None
    strikes, signs = numbers(rows, "strike"), numbers(rows, "sign")
    shares = numbers(rows, "open_interest") * numbers(rows, "multiplier")
    settlements = np.unique(strikes)
    payouts = np.maximum(signs * (settlements[:, None] - strikes), 0) @ shares
    least = np.flatnonzero(payouts <= payouts.min() * (1 + _SAME))
    best = min(least, key=lambda place: (abs(settlements[place] - spot), settlements[place]))
    return MaxPain(
        expiration_date=rows["expiration_date"].iloc[0].date(),
        strike=float(settlements[best]),
        payout=float(payouts[best]),
        open_interest=float(rows["open_interest"].sum()),
    )
