"""The market's daily process: returns, bars, volumes, splits and halts, one session after another.

`walk` is the only way to prices. It is vectorised over the names and looped over the sessions, and the
state it carries depends on earlier sessions alone, so that a longer walk begins with the shorter one.
Nothing is written here, and nothing is bad here: faults are made from these bars, never in them.

Sources: GARCH(1,1) is Bollerslev (1986), with shocks of a Student t scaled to unit variance; volume follows
the mixture-of-distributions finding (Karpoff 1987) that it rises with the absolute return.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from kapman_resources.simulation.plan import SESSIONS_PER_YEAR, MarketPlan, Stream
from kapman_resources.simulation.structures import BLOCK_SESSIONS, Block, PlannedEvent, draw_block
from kapman_resources.simulation.traits import (
    MARKET_BASKET,
    MARKET_VOLATILITY,
    NO_BASKET,
    REPORT_EVERY,
    SECTOR_VOLATILITY,
    TRADE_SIZE_SPREAD,
    Bools,
    Floats,
    draw_traits,
)
from kapman_resources.simulation.universe import Security

PRICE_DECIMALS = 4
LOWEST_PRICE = 0.01

_REFLECTION = float(np.log(0.02))
"""Raw log close below which a name is thrown back up, so that no price rounds to nothing."""

_OVERNIGHT_VARIANCE = 0.25
"""Share of a day's variance that falls between the close and the next open."""

_DEGREES_OF_FREEDOM = 5
_SHOCK_LIMIT = 10.0
"""Largest shock in standard deviations: the t distribution alone would give absurd days in 15,000 names."""

_ARCH, _GARCH = 0.07, 0.90
_VARIANCE_CAP = 16.0
"""Largest conditional variance as a multiple of the long-run one."""

_MARKET_PREMIUM = 0.06 / SESSIONS_PER_YEAR
_REPORT_JUMP = 3.0
"""Factor on the shock of the night of an earnings report."""

_WICK = 0.45
_WOBBLE_PERSISTENCE = 0.8
"""Inside a structure the noise returns to the structure's path at this rate a session."""

_VOLUME_PERSISTENCE, _VOLUME_NOISE, _VOLUME_JITTER = 0.9, 0.15, 0.25
_VOLUME_RESPONSE, _VOLUME_RESPONSE_LIMIT = 0.25, 6.0
"""Log volume per standard deviation of absolute return, and the deviations after which it no longer grows."""

_SMALLEST_VOLUME, _FEWEST_TRANSACTIONS = 10.0, 2.0

_HIGH_PRICE, _LOW_PRICE = 120.0, 2.0
"""Raw closes (USD) above and below which a board considers a forward and a reverse split."""

_FORWARD_RATIOS = ((1, 2), (1, 3), (1, 4), (1, 10), (2, 3))
_FORWARD_WEIGHTS = (0.4, 0.15, 0.2, 0.1, 0.15)
_REVERSE_RATIOS = ((5, 1), (10, 1))
_LONGEST_HALT = 5


class Split(NamedTuple):
    """A split executed before a session's open: `split_from` old shares became `split_to` new ones."""

    name: int
    split_from: int
    split_to: int


@dataclass(frozen=True)
class SessionBars:
    """One session of the whole market, as it truly was. Arrays have one entry per security.

    Attributes:
        index: the session's index, 0 at the market's first session.
        session: its day.
        is_printed: whether the security has a bar: it is listed and not halted.
        is_halted: whether it is listed and halted.
        open, high, low, close: raw prices in USD, rounded to PRICE_DECIMALS; meaningless without a bar.
        volume: raw shares, not rounded.
        transactions: trades, whole numbers.
        volatility: conditional daily log volatility as known before the session's open.
        splits: splits executed before the open.
        events: structure events of the session.
    """

    index: int
    session: date
    is_printed: Bools
    is_halted: Bools
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    transactions: Floats
    volatility: Floats
    splits: tuple[Split, ...]
    events: tuple[PlannedEvent, ...]


def walk(plan: MarketPlan, securities: Sequence[Security], sessions: Sequence[date]) -> Iterator[SessionBars]:
    """Walk the market from its first session.

    Args:
        plan: the market's parameters.
        securities: `build_universe(plan)`.
        sessions: the market's sessions from session 0 on; more of them only make the walk longer.

    Yields:
        Each session's bars, in order.
    """
    state = _Walk(plan, securities)
    for index, session in enumerate(sessions):
        yield state.step(index, session)


class _Walk:
    """The state between two sessions: levels, variances, volumes, split factors and halts."""

    def __init__(self, plan: MarketPlan, securities: Sequence[Security]) -> None:
        self._plan = plan
        self._securities = securities
        self._names = names = draw_traits(plan, securities)
        count = len(securities)
        self._level = np.log(names.start_price)
        self._variance = names.idiosyncratic**2
        self._factor_base = np.array([MARKET_VOLATILITY**2, *[SECTOR_VOLATILITY**2] * names.sectors])
        self._factor_variance = self._factor_base.copy()
        self._wobble = np.zeros(count)
        self._volume_state = np.zeros(count)
        self._ratio = np.ones(count)
        self._halted_until = np.zeros(count, dtype=np.int64)
        self._was_printed = np.zeros(count, dtype=np.bool_)
        self._block = Block(np.empty((0, 0)), {})

    def step(self, index: int, session: date) -> SessionBars:
        """Draw the session `index`, which must follow the one before."""
        plan, names = self._plan, self._names
        if index % BLOCK_SESSIONS == 0:
            self._block = draw_block(plan, self._securities, names.volatility, index // BLOCK_SESSIONS)
        steps = self._block.steps[index % BLOCK_SESSIONS]
        events = tuple(self._block.events.get(index, ()))
        rng = plan.rng(Stream.NAMES, index)

        is_alive = (names.listed <= index) & (index < names.delisted)
        is_planted = ~np.isnan(steps)
        is_halted = self._halts(index, is_alive, is_planted)
        is_printed = is_alive & ~is_halted
        splits = self._splits(index, is_printed)

        volatility = self._volatility(is_planted)
        overnight, intraday = self._returns(index, rng, is_alive)
        overnight, intraday = self._along_structures(steps, is_planted, overnight, intraday)
        opened, high, low, close = self._bars(rng, is_alive, overnight, intraday, volatility=volatility, events=events)
        volume, transactions = self._volumes(rng, overnight + intraday, events)
        self._was_printed = is_printed
        return SessionBars(
            index=index,
            session=session,
            is_printed=is_printed,
            is_halted=is_halted,
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
            transactions=transactions,
            volatility=volatility,
            splits=splits,
            events=events,
        )

    def _halts(self, index: int, is_alive: Bools, is_planted: Bools) -> Bools:
        """Start halts, and say who is halted; never inside a structure, whose events must have bars."""
        rng = self._plan.rng(Stream.HALTS, index)
        count = len(self._securities)
        begins = rng.random(count) < self._plan.halts_per_year / SESSIONS_PER_YEAR
        lengths = rng.integers(1, _LONGEST_HALT + 1, size=count)
        begins &= self._was_printed & self._names.is_stock & (self._halted_until <= index)
        self._halted_until = np.where(begins, index + lengths, self._halted_until)
        return is_alive & (index < self._halted_until) & ~is_planted

    def _splits(self, index: int, is_printed: Bools) -> tuple[Split, ...]:
        """Execute splits before the open; only of names that trade in this session and did in the last."""
        rng = self._plan.rng(Stream.SPLITS, index)
        chance = rng.random(len(self._securities)) * SESSIONS_PER_YEAR
        close = np.exp(self._level) * self._ratio
        may_split = is_printed & self._was_printed & self._names.may_split
        is_forward = may_split & (close > _HIGH_PRICE) & (chance < self._plan.forward_splits_per_year)
        is_reverse = may_split & (close < _LOW_PRICE) & (chance < self._plan.reverse_splits_per_year)
        splits = []
        for name in np.flatnonzero(is_forward | is_reverse):
            if is_forward[name]:
                before, after = _FORWARD_RATIOS[rng.choice(len(_FORWARD_RATIOS), p=_FORWARD_WEIGHTS)]
            else:
                before, after = _REVERSE_RATIOS[rng.choice(len(_REVERSE_RATIOS))]
            splits.append(Split(int(name), before, after))
            self._ratio[name] *= before / after
        return tuple(splits)

    def _volatility(self, is_planted: Bools) -> Floats:
        """Conditional daily log volatility of each name."""
        names = self._names
        total = np.sqrt(
            self._variance
            + names.market_beta**2 * self._factor_variance[0]
            + names.sector_beta**2 * self._factor_variance[1 + names.sector]
        )
        quiet: Floats = np.where(is_planted, self._plan.structure_noise, 1.0) * total
        return quiet

    def _returns(self, index: int, rng: np.random.Generator, is_alive: Bools) -> tuple[Floats, Floats]:
        """Ordinary overnight and intraday log returns, baskets included; advances the variances."""
        names = self._names
        factor_night, factor_day = _shocks(self._plan.rng(Stream.FACTORS, index), self._factor_variance)
        own_night, own_day = _shocks(rng, self._variance)
        reports = names.is_stock & ((index + names.report_phase) % REPORT_EVERY == 0)
        night = own_night * np.where(reports, _REPORT_JUMP, 1.0)

        def total(own: Floats, factor: Floats) -> Floats:
            exposed: Floats = names.market_beta * factor[0] + names.sector_beta * factor[1 + names.sector]
            return own + exposed

        drift = names.market_beta * _MARKET_PREMIUM - names.volatility**2 / 2
        overnight, intraday = total(night, factor_night), total(own_day, factor_day) + drift
        # The jump of a report is left out of the recursion: it says nothing about the days after.
        self._variance = _garch(self._variance, own_night + own_day, names.idiosyncratic**2)
        self._factor_variance = _garch(self._factor_variance, factor_night + factor_day, self._factor_base)
        members = is_alive & names.is_stock
        return (
            self._with_baskets(overnight, own_night, members),
            self._with_baskets(intraday, own_day, members),
        )

    def _with_baskets(self, returns: Floats, own: Floats, members: Bools) -> Floats:
        """Give each basket the mean simple return of its members, plus its own small tracking error."""
        names = self._names
        simple = np.expm1(returns[members])
        sums = np.bincount(names.sector[members], weights=simple, minlength=names.sectors)
        sizes = np.bincount(names.sector[members], minlength=names.sectors)
        # A sector whose stocks are not listed yet moves with the market.
        market = simple.mean() if simple.size else 0.0
        means = np.append(np.where(sizes > 0, sums / np.maximum(sizes, 1), market), market)
        is_basket = names.basket != NO_BASKET
        basket = np.where(is_basket, names.basket, MARKET_BASKET)
        mixed: Floats = np.where(is_basket, np.log1p(means[basket]) + own, returns)
        return mixed

    def _along_structures(
        self, steps: Floats, is_planted: Bools, overnight: Floats, intraday: Floats
    ) -> tuple[Floats, Floats]:
        """Inside a structure, follow its path with the ordinary returns as noise that dies out around it."""
        noise = self._plan.structure_noise
        before = np.where(is_planted, self._wobble, 0.0)
        path = np.nan_to_num(steps)
        night = _OVERNIGHT_VARIANCE * path + noise * overnight
        day = (1 - _OVERNIGHT_VARIANCE) * path + noise * intraday - (1 - _WOBBLE_PERSISTENCE) * before
        self._wobble = np.where(is_planted, _WOBBLE_PERSISTENCE * before + noise * (overnight + intraday), 0.0)
        return np.where(is_planted, night, overnight), np.where(is_planted, day, intraday)

    def _bars(
        self,
        rng: np.random.Generator,
        is_alive: Bools,
        overnight: Floats,
        intraday: Floats,
        *,
        volatility: Floats,
        events: Sequence[PlannedEvent],
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Raw open, high, low and close; advances the levels of listed names."""
        opened = self._level + overnight
        closed = opened + intraday
        closed += 2 * np.maximum(_REFLECTION - closed - np.log(self._ratio), 0)
        reach = _WICK * np.sqrt(1 - _OVERNIGHT_VARIANCE) * volatility
        upper, lower = reach * np.abs(rng.standard_normal((2, len(reach))))
        for event in events:
            upper[event.name] *= event.upper
            lower[event.name] *= event.lower
        self._level = np.where(is_alive, closed, self._level)

        def raw(level: Floats) -> Floats:
            price: Floats = np.maximum(np.exp(level) * self._ratio, LOWEST_PRICE)
            return price.round(PRICE_DECIMALS)

        return (
            raw(opened),
            raw(np.maximum(opened, closed) + upper),
            raw(np.minimum(opened, closed) - lower),
            raw(closed),
        )

    def _volumes(
        self, rng: np.random.Generator, returns: Floats, events: Sequence[PlannedEvent]
    ) -> tuple[Floats, Floats]:
        """Raw volume and transactions; advances the persistent part of volume."""
        names = self._names
        kicks, jitter, sizes = rng.standard_normal((3, len(returns)))
        self._volume_state = _VOLUME_PERSISTENCE * self._volume_state + _VOLUME_NOISE * kicks
        surprise = np.minimum(np.abs(returns) / names.volatility, _VOLUME_RESPONSE_LIMIT)
        log_volume = (
            names.log_shares
            + self._volume_state
            + _VOLUME_RESPONSE * surprise
            + _VOLUME_JITTER * jitter
            - np.log(self._ratio)
        )
        for event in events:
            log_volume[event.name] += np.log(event.volume)
        volume = np.maximum(np.exp(log_volume), _SMALLEST_VOLUME)
        # Trades are counted in today's shares: a split changes the shares of a trade with the price.
        size = names.trade_size / self._ratio * np.exp(TRADE_SIZE_SPREAD * sizes)
        transactions = np.clip(np.round(volume / size), _FEWEST_TRANSACTIONS, np.floor(volume))
        return volume, transactions


def _shocks(rng: np.random.Generator, variance: Floats) -> tuple[Floats, Floats]:
    """Overnight and intraday shocks whose sum has `variance`."""
    unit = np.sqrt((_DEGREES_OF_FREEDOM - 2) / _DEGREES_OF_FREEDOM)
    drawn = rng.standard_t(_DEGREES_OF_FREEDOM, size=(2, len(variance))) * unit
    night, day = np.clip(drawn, -_SHOCK_LIMIT, _SHOCK_LIMIT)
    return np.sqrt(_OVERNIGHT_VARIANCE * variance) * night, np.sqrt((1 - _OVERNIGHT_VARIANCE) * variance) * day


def _garch(variance: Floats, shock: Floats, long_run: Floats) -> Floats:
    """Next session's conditional variance, by GARCH(1,1) with a cap."""
    following = (1 - _ARCH - _GARCH) * long_run + _ARCH * shock**2 + _GARCH * variance
    return np.minimum(following, _VARIANCE_CAP * long_run)
