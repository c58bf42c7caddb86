"""Implied volatility of single expiries: at the money and at 25 delta."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Chain, numbers

MIN_IV, MAX_IV = 0.01, 5.0
"""Quotes outside are not believed; decimals a year."""
TARGET_DELTA = 0.25
MAX_BRACKET = 0.20
"""Widest gap between two deltas that is interpolated over."""


@dataclass(frozen=True)
class Smile:
    """One expiry; volatilities are decimals a year, None if unknown.

    Attributes:
        expiration_date: the expiry.
        dte: calendar days to it.
        atm_iv: at the spot.
        call_iv: of the 25-delta call.
        put_iv: of the 25-delta put.
    """

    expiration_date: date
    dte: int
    atm_iv: float | None
    call_iv: float | None
    put_iv: float | None

    @property
    def skew_25d(self) -> float | None:
        """`(put - call) * 100`, vol points; positive where puts are dearer."""
        if self.put_iv is None or self.call_iv is None:
            return None
        return (self.put_iv - self.call_iv) * 100

    @property
    def skew_25d_norm(self) -> float | None:
        """`(put - call) / at the money`."""
        skew = self.skew_25d
        return None if skew is None or self.atm_iv is None else skew / 100 / self.atm_iv

    @property
    def bf_25d(self) -> float | None:
        """Butterfly: `((put + call) / 2 - at the money) * 100`, vol points."""
        if self.put_iv is None or self.call_iv is None or self.atm_iv is None:
            return None
        return ((self.put_iv + self.call_iv) / 2 - self.atm_iv) * 100


def smiles(chain: Chain) -> tuple[Smile, ...]:
    """Every expiry of the chain, the nearest first."""
    spot = chain.spot
    if spot is None:
        return ()
    rows = chain.rows[chain.rows["iv"].between(MIN_IV, MAX_IV)]
    return tuple(_smile(group, spot) for _, group in rows.groupby("expiration_date", sort=True))


def _smile(rows: pd.DataFrame, spot: float) -> Smile:
    is_held = (rows["open_interest"] > 0) | (rows["volume"] > 0)
    is_out_of_the_money = rows["sign"] * (rows["strike"] - spot) >= 0
    quotes = rows[is_held & is_out_of_the_money & rows["delta"].notna()]
    calls, puts = quotes[quotes["is_call"]], quotes[~quotes["is_call"]]
    return Smile(
        expiration_date=rows["expiration_date"].iloc[0].date(),
        dte=int(rows["dte"].iloc[0]),
        atm_iv=atm_iv(numbers(rows, "strike"), numbers(rows, "iv"), spot),
        call_iv=iv_at_delta(numbers(calls, "delta"), numbers(calls, "iv")),
        put_iv=iv_at_delta(-numbers(puts, "delta"), numbers(puts, "iv")),
    )


def atm_iv(strikes: Floats, ivs: Floats, spot: float) -> float | None:
    """IV at the spot: of calls and puts together a strike, linear between the strikes on both sides of it."""
    return _between(*_means(strikes, ivs), at=spot, widest=np.inf)


def iv_at_delta(deltas: Floats, ivs: Floats, target: float = TARGET_DELTA) -> float | None:
    """IV at a delta, linear between the two quotes around it; None if they are over 0.20 apart or on one side.

    Args:
        deltas: absolute values of one side's deltas.
        ivs: decimals a year.
        target: absolute delta.
    """
    return _between(*_means(deltas, ivs), at=target, widest=MAX_BRACKET)


def _means(places: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Ascending places, each once, and the mean of the values there."""
    unique, inverse = np.unique(places, return_inverse=True)
    return unique, np.bincount(inverse, values, len(unique)) / np.bincount(inverse, minlength=len(unique))


def _between(places: Floats, values: Floats, *, at: float, widest: float) -> float | None:
    """Linear interpolation between the neighbours of `at`, never beyond the ends."""
    upper = int(np.searchsorted(places, at))
    if upper == len(places):
        return None
    if places[upper] == at:
        return float(values[upper])
    # The gap of .15 to .35 is as wide as .20, whatever binary fractions make of it.
    if upper == 0 or places[upper] - places[upper - 1] > widest * (1 + 1e-9):
        return None
    share = (at - places[upper - 1]) / (places[upper] - places[upper - 1])
    return float(values[upper - 1] + share * (values[upper] - values[upper - 1]))
