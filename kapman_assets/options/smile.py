"""Implied volatility of single expiries: at the money and at 25 delta."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Bools, Chain, by_expiry

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


def is_usable(ivs: Floats) -> Bools:
    """Where a quoted volatility is believed."""
    return (ivs >= MIN_IV) & (ivs <= MAX_IV)


def smiles(chain: Chain) -> tuple[Smile, ...]:
    """Every expiry of the chain, the nearest first."""
    spot = chain.spot
    if spot is None:
        return ()
    is_held = (chain.open_interest > 0) | (chain.volume > 0)
    is_out_of_the_money = chain.sign * (chain.strike - spot) >= 0
    is_quote = is_held & is_out_of_the_money & ~np.isnan(chain.delta)
    return tuple(_smile(chain, places, is_quote, spot) for places in by_expiry(chain, is_usable(chain.iv)))


def _smile(chain: Chain, places: npt.NDArray[np.intp], is_quote: Bools, spot: float) -> Smile:
    quotes = places[is_quote[places]]
    is_call = chain.is_call[quotes]
    calls, puts = quotes[is_call], quotes[~is_call]
    return Smile(
        expiration_date=chain.expiration_date[places[0]].item(),
        dte=int(chain.dte[places[0]]),
        atm_iv=atm_iv(chain.strike[places], chain.iv[places], spot),
        call_iv=iv_at_delta(chain.delta[calls], chain.iv[calls]),
        put_iv=iv_at_delta(-chain.delta[puts], chain.iv[puts]),
    )


def atm_iv(strikes: Floats, ivs: Floats, spot: float) -> float | None:
    """IV at the spot: of calls and puts together a strike, linear between the strikes on both sides of it."""
    return _between(strikes, ivs, at=spot, widest=np.inf)


def iv_at_delta(deltas: Floats, ivs: Floats, target: float = TARGET_DELTA) -> float | None:
    """IV at a delta, linear between the two quotes around it; None if they are over 0.20 apart or on one side.

    Args:
        deltas: absolute values of one side's deltas.
        ivs: decimals a year.
        target: absolute delta.
    """
    return _between(deltas, ivs, at=target, widest=MAX_BRACKET)


def _between(places: Floats, values: Floats, *, at: float, widest: float) -> float | None:
    """Linear interpolation between the nearest places on both sides of `at`, never beyond the ends.

    Where several values are at one place, their mean counts.
    """
    before, after = places[places <= at], places[places >= at]
    if not (len(before) and len(after)):
        return None
    low, high = before.max(), after.min()
    # The gap of .15 to .35 is as wide as .20, whatever binary fractions make of it.
    if high - low > widest * (1 + 1e-9):
        return None
    left, right = values[places == low].mean(), values[places == high].mean()
    return float(left if low == high else left + (at - low) / (high - low) * (right - left))
