"""What is traded and held: volume, day bars and the open interest that follows from them.

Open interest is a stock: it changes by what is opened and closed in a session, never by more than its volume,
and is known on the morning after. Calls are held above the spot and puts below it, more of both at round
strikes and in monthly expiries, as everybody's eyes are there.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.faults import midnight_ns
from kapman_resources.simulation.options.contracts import STANDARD_SHARES, THOUSANDTHS, Contracts
from kapman_resources.simulation.options.expiries import is_monthly
from kapman_resources.simulation.options.names import OptionNames
from kapman_resources.simulation.options.pricing import DAYS_PER_YEAR, Values
from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.prices import SessionBars
from kapman_resources.simulation.traits import Bools, Floats

_USUAL = 0.95
"""Weight of the past in a stock's usual dollar volume."""

_TILT_SPREAD, _TILT_PERSISTENCE = 0.35, 0.96
"""Log spread and autocorrelation a session of the puts that are held for each call."""

_CALL_CENTRE, _CALL_WIDTH = 0.6, 0.9
_PUT_CENTRE, _PUT_WIDTH = -0.7, 1.0
"""Where the holders' strikes lie, in standard deviations of the stock until the expiry."""

_HOLDING_DAYS, _LONG_TERM = 60, 0.08
"""Days by which the interest in an expiry fades, and what remains of it far out."""

_WEEKLY = 0.35
"""Interest in an expiry that is no monthly one."""

_ROUND_PARTS = 20
_ROUND_STEPS = np.array([1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000])
_ROUND = 3.0
"""A strike is round if it is a multiple of the largest of these steps (thousandths of a USD) up to a 20th of the
spot; the interest in it is larger by this factor."""

_SHORTEST = 5
_TURNOVER, _NEAR_TURNOVER, _NEAR_DAYS = 0.015, 0.4, 8
"""Share of what is held that trades in a session, and what comes to it at the money just before the expiry."""

_LOT, _LOT_SPREAD = 25.0, 0.8
"""Contracts that trade together, and the log spread of a session's volume."""

_PULL, _NOISE = 0.10, 0.25
"""Share of the gap to what holders want that closes in a session, and the noise as a share of the volume."""

_FIRST_SPREAD = 0.3
_LOWEST = 0.01
"""The smallest price of a trade, and its unit, in USD."""

_START = 0
"""Part of the stream from which the first states come; session i has part i + 1."""


@dataclass(frozen=True)
class Appetite:
    """What holders want in a session; arrays have one entry per contract, in contracts.

    Attributes:
        wanted: open interest towards which the market moves.
        turnover: volume to be expected.
    """

    wanted: Floats
    turnover: Floats


class Trading:
    """The names' states between two sessions. It has to see every session of the walk from the first one on."""

    def __init__(self, plan: MarketPlan, names: OptionNames) -> None:
        self._plan = plan
        self._names = names
        self._usual = np.zeros(len(names))
        self._surprise = np.ones(len(names))
        self._tilt = plan.rng(Stream.OPTION_TRADES, _START).standard_normal(len(names))

    def follow(self, bars: SessionBars) -> None:
        """Take over a session of the stocks."""
        place = self._names.security
        traded = bars.close[place] * bars.volume[place]
        usual = np.where(self._usual > 0, self._usual, traded)
        dollars = np.where(bars.is_printed[place], traded, usual)
        self._surprise = dollars / usual
        self._usual = _USUAL * usual + (1 - _USUAL) * dollars
        kick = self._plan.rng(Stream.OPTION_TRADES, bars.index + 1).standard_normal(len(usual))
        self._tilt = _TILT_PERSISTENCE * self._tilt + np.sqrt(1 - _TILT_PERSISTENCE**2) * kick

    def appetite(self, book: Contracts, spot: Floats, session: np.datetime64) -> Appetite:
        """What holders want at the session's close."""
        names = self._names
        days = np.maximum((book.expiry - session).astype(np.int64), 0)
        deviation = names.volatility[book.name] * np.sqrt(np.maximum(days, _SHORTEST) / DAYS_PER_YEAR)
        price = spot[book.name] * THOUSANDTHS
        away = np.log(book.strike / price) / deviation
        tilt = names.put_tilt * np.exp(_TILT_SPREAD * self._tilt)
        calls = np.exp(-(((away - _CALL_CENTRE) / _CALL_WIDTH) ** 2) / 2)
        puts = tilt[book.name] * np.exp(-(((away - _PUT_CENTRE) / _PUT_WIDTH) ** 2) / 2)
        unit = _ROUND_STEPS[np.maximum(np.searchsorted(_ROUND_STEPS, price / _ROUND_PARTS, side="right") - 1, 0)]
        share = (
            book.affinity
            * np.where(book.is_call, calls, puts)
            * (_LONG_TERM + np.exp(-days / _HOLDING_DAYS))
            * np.where(_is_monthly(book), 1.0, _WEEKLY)
            * np.where(book.strike % unit == 0, _ROUND, 1.0)
        )
        held = names.held * self._usual / spot / STANDARD_SHARES
        everything = np.bincount(book.name, weights=share, minlength=len(names))
        wanted = share * (held / np.where(everything > 0, everything, 1.0))[book.name]
        rate = _TURNOVER + _NEAR_TURNOVER * np.exp(-days / _NEAR_DAYS - away**2 / 2)
        return Appetite(wanted, wanted * rate * self._surprise[book.name])

    def opening(self, appetite: Appetite) -> NDArray[np.int64]:
        """Open interest of a book that begins."""
        rng = self._plan.rng(Stream.OPTION_HOLDINGS, _START)
        spread = np.exp(_FIRST_SPREAD * rng.standard_normal(len(appetite.wanted)))
        return np.rint(appetite.wanted * spread).astype(np.int64)

    def traded(self, book: Contracts, appetite: Appetite, values: Values, spot: Floats, bars: SessionBars) -> Contracts:
        """The book after the session's trading.

        Args:
            book: the contracts with the open interest of the morning.
            appetite: of each contract.
            values: of each contract at the close.
            spot: price of each name.
            bars: the stocks; a name without a bar has no trades.
        """
        rng = self._plan.rng(Stream.OPTION_HOLDINGS, bars.index + 1)
        count = len(book)
        sizes, flow = rng.standard_normal((2, count))
        chance = -np.expm1(-appetite.turnover / _LOT)
        is_traded = (rng.random(count) < chance) & bars.is_printed[self._names.security][book.name]
        size = appetite.turnover / np.maximum(chance, np.finfo(np.float64).tiny) * np.exp(_LOT_SPREAD * sizes)
        volume = np.where(is_traded, np.maximum(np.rint(size), 1), 0).astype(np.int64)
        wished = _PULL * (appetite.wanted - book.open_interest) + _NOISE * volume * flow
        opened = np.clip(np.rint(wished), -np.minimum(volume, book.open_interest), volume).astype(np.int64)
        traded = replace(
            book,
            opened=opened,
            day=np.where(is_traded, midnight_ns(bars.session), book.day),
            volume=np.where(is_traded, volume, book.volume),
            previous_close=np.where(is_traded, book.close, book.previous_close),
        )
        bar = _day_bar(book, values, self._names, bars, spot)
        return replace(traded, **{field: np.where(is_traded, bar[field], getattr(book, field)) for field in bar})


def _is_monthly(book: Contracts) -> Bools:
    days, place = np.unique(book.expiry, return_inverse=True)
    return np.array([is_monthly(day) for day in days.tolist()], dtype=np.bool_)[place]


def _day_bar(book: Contracts, values: Values, names: OptionNames, bars: SessionBars, spot: Floats) -> dict[str, Floats]:
    """A day bar of each contract: the close is its value, the others follow the stock's bar by delta and gamma."""

    def at(stock: Floats) -> Floats:
        move = (stock[names.security] - spot)[book.name]
        moved = np.nan_to_num(values.delta) * move + np.nan_to_num(values.gamma) * move**2 / 2
        return _tick(values.price + moved)

    close = _tick(values.price)
    opened, upper, lower = at(bars.open), at(bars.high), at(bars.low)
    prices = np.array([opened, upper, lower, close])
    high, low = prices.max(axis=0), prices.min(axis=0)
    vwap = np.round((opened + high + low + 2 * close) / 5, 4)
    return {"open": opened, "high": high, "low": low, "close": close, "vwap": vwap}


def _tick(price: Floats) -> Floats:
    """Prices of trades."""
    return np.maximum(np.round(price, 2), _LOWEST)
