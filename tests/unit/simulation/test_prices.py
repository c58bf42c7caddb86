"""The daily process: splits, clustering, sectors, baskets and its independence of the horizon."""

import dataclasses
import math
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from kapman_resources.sessions import sessions_between
from kapman_resources.simulation import MarketPlan, SessionBars, walk
from kapman_resources.simulation.universe import STOCKS, Kind, Security, build_universe
from tests.unit.simulation.markets import plan_of, walked

FIRST, LAST = date(2024, 1, 2), date(2025, 6, 30)

SPLIT_GUARD = 0.35
"""Largest ordinary |log return| over a night; the adjustment recipe flags splits beyond it."""


class Walked(NamedTuple):
    """A market walked in memory."""

    plan: MarketPlan
    securities: tuple[Security, ...]
    bars: list[SessionBars]


@pytest.fixture(scope="module")
def history() -> Walked:
    plan = plan_of(first_session=FIRST, names=250, forward_splits_per_year=3.0, reverse_splits_per_year=6.0)
    return Walked(plan, *walked(plan, LAST))


@pytest.fixture(scope="module")
def returns(history: Walked) -> NDArray[np.float64]:
    """Split-adjusted daily log returns, shape (sessions - 1, names)."""
    closes = np.array([bars.close for bars in history.bars])
    factors = np.ones_like(closes)
    for index, bars in enumerate(history.bars):
        for split in bars.splits:
            factors[index:, split.name] *= split.split_to / split.split_from
    return np.diff(np.log(closes * factors), axis=0)


def lasting_stocks(history: Walked) -> NDArray[np.int64]:
    printed = np.all([bars.is_printed for bars in history.bars], axis=0)
    is_stock = [security.kind in STOCKS for security in history.securities]
    return np.flatnonzero(printed & is_stock)


def test_a_longer_walk_begins_with_the_shorter_one(history: Walked) -> None:
    sessions = sessions_between(FIRST, LAST)[:40]
    for shorter, longer in zip(walk(history.plan, history.securities, sessions), history.bars, strict=False):
        for field in dataclasses.fields(shorter):
            assert np.array_equal(getattr(shorter, field.name), getattr(longer, field.name))


def test_every_ratio_is_executed_and_adjusted_nights_are_ordinary(history: Walked) -> None:
    executed = set()
    for before, after in pairwise(history.bars):
        for split in after.splits:
            ratio = split.split_to / split.split_from
            assert before.is_printed[split.name]
            assert after.is_printed[split.name]
            night = math.log(after.open[split.name] * ratio / before.close[split.name])
            assert abs(night) < SPLIT_GUARD
            executed.add((split.split_from, split.split_to))
    assert executed == {(1, 2), (1, 3), (1, 4), (1, 10), (2, 3), (5, 1), (10, 1)}


def test_splits_scale_volume_and_trades_stay(history: Walked) -> None:
    volume, trades = [], []
    for before, after in pairwise(history.bars):
        for split in after.splits:
            ratio = split.split_to / split.split_from
            volume.append(math.log(after.volume[split.name] / ratio / before.volume[split.name]))
            trades.append(math.log(after.transactions[split.name] / before.transactions[split.name]))
    assert abs(np.median(volume)) < 0.2
    assert abs(np.median(trades)) < 0.2


def test_forward_splits_follow_high_prices_and_reverse_ones_low(history: Walked) -> None:
    for before, after in pairwise(history.bars):
        for split in after.splits:
            is_forward = split.split_to > split.split_from
            assert (before.close[split.name] > 100) if is_forward else (before.close[split.name] < 2.1)


def test_volatility_clusters(history: Walked, returns: NDArray[np.float64]) -> None:
    sizes = np.abs(returns[:, lasting_stocks(history)])
    sizes -= sizes.mean(axis=0)
    autocorrelation = (sizes[1:] * sizes[:-1]).mean(axis=0) / sizes.var(axis=0)
    assert autocorrelation.mean() > 0.05


def test_tails_are_fat(history: Walked, returns: NDArray[np.float64]) -> None:
    chosen = returns[:, lasting_stocks(history)]
    standard = (chosen - chosen.mean(axis=0)) / chosen.std(axis=0)
    assert np.median((standard**4).mean(axis=0)) > 3.3  # 3 for a normal distribution


def test_a_sector_moves_together(history: Walked, returns: NDArray[np.float64]) -> None:
    stocks = lasting_stocks(history)
    correlation = np.asarray(np.corrcoef(returns[:, stocks].T))
    sectors = np.array([history.securities[name].sector for name in stocks])
    same = sectors[:, None] == sectors[None, :]
    pairs = ~np.eye(len(stocks), dtype=np.bool_)
    assert correlation[same & pairs].mean() > correlation[~same].mean() + 0.05
    assert correlation[~same].mean() > 0.02


def test_volume_follows_volatility(history: Walked, returns: NDArray[np.float64]) -> None:
    volumes = np.log([bars.volume for bars in history.bars[1:]])
    unsplit = set(lasting_stocks(history)) - {s.name for bars in history.bars for s in bars.splits}
    links = [np.corrcoef(np.abs(returns[:, n]), volumes[:, n])[0, 1] for n in unsplit]
    persistence = [np.corrcoef(volumes[1:, n], volumes[:-1, n])[0, 1] for n in unsplit]
    assert np.mean(links) > 0.15
    assert np.mean(persistence) > 0.3


def test_the_market_etf_is_the_mean_of_the_stocks(history: Walked, returns: NDArray[np.float64]) -> None:
    symbols = [security.symbol for security in history.securities]
    kinds = np.array([security.kind in STOCKS for security in history.securities])
    listed = np.array([bars.is_printed | bars.is_halted for bars in history.bars[1:]])
    members = listed & kinds
    mean = (np.expm1(returns) * members).sum(axis=1) / members.sum(axis=1)
    spy, gold = (np.expm1(returns[:, symbols.index(symbol)]) for symbol in ("SPY", "GLD"))
    assert np.corrcoef(gold, mean)[0, 1] < 0.4
    assert (spy - mean).std() < 0.0025  # its own noise is 0.2 % a day


def test_etfs_and_watched_names_are_listed_for_ever() -> None:
    plan = plan_of(names=400, delistings_per_year=100.0)
    for security in build_universe(plan):
        if security.kind is Kind.ETF or security.is_watched:
            assert security.delisted is None
        else:
            assert security.delisted is not None


def test_no_price_rounds_to_nothing() -> None:
    plan = plan_of(first_session=FIRST, names=250, reverse_splits_per_year=0.0)
    securities, bars = walked(plan, LAST)
    assert min(session.low.min() for session in bars) >= 0.01
    assert any(session.close.min() < 0.2 for session in bars), f"no tiny prices in {len(securities)} names"


def test_the_universe_has_every_type_and_spelling() -> None:
    symbols = {security.symbol: security.kind for security in build_universe(plan_of(names=1000))}
    assert len(symbols) == 1000
    assert set(symbols.values()) == set(Kind)
    for ending in (".B", ".WS", ".U"):
        assert any(symbol.endswith(ending) for symbol in symbols)
    assert all((symbol != symbol.upper()) == (kind is Kind.PREFERRED) for symbol, kind in symbols.items())
