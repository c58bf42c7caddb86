"""Bars to calculate on: random walks, walks in whole cents, names of the simulated market."""

from datetime import date
from functools import cache

import numpy as np

from kapman_assets.technicals.bars import Bars
from kapman_resources.sessions import sessions_between
from kapman_resources.simulation import MarketPlan
from kapman_resources.simulation.prices import walk
from kapman_resources.simulation.universe import build_universe


def random_bars(seed: int, count: int = 700, *, start: float = 50.0, daily: float = 0.02) -> Bars:
    """A geometric random walk with gaps overnight and wicks."""
    rng = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(rng.normal(0, daily, count)))
    open_ = close * np.exp(rng.normal(0, daily / 3, count))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, daily / 2, count)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, daily / 2, count)))
    volume = np.exp(rng.normal(13, 0.6, count))
    return Bars.of(open=open_, high=high, low=low, close=close, volume=volume)


def cent_bars(seed: int, count: int = 700) -> Bars:
    """A slow walk in whole cents: closes and extremes are often equal."""
    rng = np.random.default_rng(seed)
    close = 2000 + np.cumsum(rng.integers(-2, 3, count))
    open_ = close + rng.integers(-2, 3, count)
    high = np.maximum(open_, close) + rng.integers(0, 3, count)
    low = np.minimum(open_, close) - rng.integers(0, 3, count)
    prices = {name: values / 100 for name, values in zip(_PRICES, (open_, high, low, close), strict=True)}
    return Bars.of(**prices, volume=rng.integers(1, 50, count) * 100)


@cache
def simulated_bars() -> tuple[Bars, ...]:
    """Raw bars of names of the simulated market that are listed long enough, halts and splits included."""
    plan = MarketPlan(first_session=date(2024, 1, 2), watched=(), names=8)
    sessions = list(walk(plan, build_universe(plan), sessions_between(date(2024, 1, 2), date(2026, 9, 30))))
    printed = np.stack([bars.is_printed for bars in sessions])
    columns = {name: np.stack([getattr(bars, name) for bars in sessions]) for name in (*_PRICES, "volume")}
    names = np.flatnonzero(printed.sum(axis=0) >= 600)
    return tuple(Bars.of(**{name: values[printed[:, k], k] for name, values in columns.items()}) for k in names)


_PRICES = ("open", "high", "low", "close")
