"""The implied volatility: free of arbitrage, persistent, dearer for puts, and aware of earnings reports."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.simulation import build_universe, walk
from kapman_resources.simulation.options.names import OptionNames, draw_names
from kapman_resources.simulation.options.surface import Smiles, Surface
from kapman_resources.simulation.traits import REPORT_EVERY, draw_traits
from tests.unit.simulation.markets import chain_plan_of

FIRST, LAST = date(2024, 1, 2), date(2025, 3, 31)
DAYS = np.array([1, 3, 7, 15, 30, 60, 91, 120, 200, 400, 700])
MONEYNESS = np.linspace(-1.5, 1.5, 301)


@pytest.fixture(scope="module")
def names() -> OptionNames:
    plan = chain_plan_of(first_session=FIRST, first_chain_session=None)
    return draw_names(plan, build_universe(plan))


@pytest.fixture(scope="module")
def history(names: OptionNames) -> list[Smiles]:
    plan = chain_plan_of(first_session=FIRST, first_chain_session=None)
    surface = Surface(plan, names)
    return [surface.step(bars) for bars in walk(plan, build_universe(plan), sessions_between(FIRST, LAST))]


def total_variance(smiles: Smiles, name: int, log_moneyness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (expiries, strikes)."""
    shape = (len(DAYS), len(log_moneyness))
    expiry = np.broadcast_to((smiles.session + DAYS)[:, None], shape)
    volatility = smiles.volatility(np.full(shape, name), expiry, np.broadcast_to(log_moneyness, shape))
    return volatility**2 * DAYS[:, None] / 365


def at_the_money(history: list[Smiles], days: int) -> NDArray[np.float64]:
    """Volatility of an expiry so many days ahead, shape (sessions, names)."""
    count = len(history[0].short)
    rows = [smiles.at_the_money(np.arange(count), np.full(count, smiles.session + days)) for smiles in history]
    return np.sqrt(np.array(rows) / days * 365)


def test_no_calendar_spread_is_free(history: list[Smiles]) -> None:
    for smiles in history[::20]:
        for name in range(len(smiles.short)):
            variance = total_variance(smiles, name, MONEYNESS)
            assert (variance > 0).all()
            assert (np.diff(variance, axis=0) > 0).all()


def test_no_butterfly_is_free(history: list[Smiles]) -> None:
    spot = 100.0
    strikes = spot * np.exp(MONEYNESS)
    for smiles in history[::20]:
        for name in range(len(smiles.short)):
            deviation = np.sqrt(total_variance(smiles, name, MONEYNESS))
            d1 = -MONEYNESS / deviation + deviation / 2
            calls = spot * norm.cdf(d1) - strikes * norm.cdf(d1 - deviation)
            slopes = np.diff(calls, axis=1) / np.diff(strikes)
            assert ((slopes <= 1e-9) & (slopes >= -1 - 1e-9)).all()
            assert (np.diff(slopes, axis=1) >= -1e-9).all()


def test_puts_are_dearer_than_calls(history: list[Smiles]) -> None:
    for smiles in history[::20]:
        for name in range(len(smiles.short)):
            low, middle, high = total_variance(smiles, name, np.array([-0.1, 0.0, 0.1])).T
            assert (low > high).all()
            assert (low > middle).all()


def test_the_level_persists_and_moves(history: list[Smiles]) -> None:
    level = np.log(at_the_money(history, 30))[63:]
    before, after = level[:-1] - level.mean(axis=0), level[1:] - level.mean(axis=0)
    persistence = (before * after).sum(axis=0) / (before**2).sum(axis=0)
    assert (persistence > 0.85).all()
    assert (np.ptp(level[-90:], axis=0) > 0.15).all()
    assert np.abs(np.diff(level, axis=0)).max() < 0.35


def test_contango_is_the_rule_and_high_variance_the_exception(history: list[Smiles]) -> None:
    slope = at_the_money(history, 90) - at_the_money(history, 30)
    stress = np.array([smiles.short / smiles.long for smiles in history])
    assert 0.6 < (slope > 0).mean() < 0.98
    assert (slope[stress > 1.3] < 0).mean() > 0.8


def test_the_level_is_near_the_stocks_volatility(history: list[Smiles], names: OptionNames) -> None:
    ratio = at_the_money(history, 120).mean(axis=0) / names.volatility
    # Reports add to what the daily process without them would be worth.
    assert ((ratio > 0.9) & (ratio < 1.6)).all()


def test_an_expiry_after_a_report_is_worth_more_than_one_before(history: list[Smiles], names: OptionNames) -> None:
    plan = chain_plan_of(first_session=FIRST, first_chain_session=None)
    phase = draw_traits(plan, build_universe(plan)).report_phase[names.security]
    checked = 0
    for index, smiles in enumerate(history[:100]):
        for name in np.flatnonzero(names.is_stock):
            # The report comes in the night before the session whose index and phase make a whole cycle.
            until = REPORT_EVERY - (index + phase[name]) % REPORT_EVERY
            if until == 5:
                session = smiles.session.item()
                days = np.array([session_offset(session, 4), session_offset(session, 5)], dtype="datetime64[D]")
                without, with_it = smiles.at_the_money(np.full(2, name), days) / (days - smiles.session).astype(int)
                assert with_it > 1.1 * without
                checked += 1
    assert checked >= names.is_stock.sum()
