"""Option metrics as plain calculation, without a database: the gamma flip of one chain, all metrics of a watchlist."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.options import black_scholes
from kapman_assets.options.black_scholes import Floats
from kapman_assets.options.chain import Chain, read_chain
from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.gamma_exposure import FLIP_POINTS, FLIP_RANGE, ONE_PERCENT, gamma_flip
from kapman_assets.options.price import price_metrics
from kapman_assets.options.volatility import volatility_metrics

SESSION = date(2026, 8, 21)
SPOT, RATE = 100.0, 0.04
BARS = 300
HISTORY = 252
REPEATS = 5
MAX_FLIP_SECONDS = 0.2
MAX_SECONDS_A_CHAIN = 0.02


@dataclass(frozen=True)
class Name:
    """What the metrics of one underlying are calculated from."""

    contracts: pd.DataFrame
    closes: Floats
    volumes: Floats
    iv_history: Floats


def measure(laboratory: Laboratory) -> list[Row]:
    """The flip of a large chain beside the plain formula, and all metrics of a watchlist."""
    sizes, generator = laboratory.sizes, np.random.default_rng(0)
    chain = read_chain(_contracts(generator, sizes.flip_contracts), SESSION, SPOT, rate=RATE)
    names = [_name(generator, sizes.chain_contracts) for _ in range(sizes.chains)]
    flips, plain = [], []
    gamma_flip(chain)
    for _ in range(REPEATS):
        flips.append(_seconds(lambda: gamma_flip(chain)))
        plain.append(_seconds(lambda: _plain_profile(chain)))
    _all_metrics(names[:1])
    watchlist = [_seconds(lambda: _all_metrics(names)) for _ in range(REPEATS)]
    return [
        timed(
            "gamma flip of one chain",
            f"{len(chain):,} contracts, {FLIP_POINTS} spots",
            flips,
            yardstick=plain,
            max_seconds=MAX_FLIP_SECONDS,
            note="with refined crossings; yardstick: the profile alone by the plain formula, one numpy broadcast",
        ),
        timed(
            "all option metrics of a watchlist",
            f"{sizes.chains} chains of {len(names[0].contracts):,}",
            watchlist,
            rows=sum(len(name.contracts) for name in names),
            max_seconds=MAX_SECONDS_A_CHAIN * sizes.chains,
            note="calculation alone, one after the other: no chain is fetched, no row stored",
        ),
    ]


def _all_metrics(names: Sequence[Name]) -> None:
    """All that the assets calculate of these underlyings for one session."""
    for name in names:
        chain = read_chain(name.contracts, SESSION, SPOT, rate=RATE)
        volatility = volatility_metrics(chain, name.iv_history)
        price = price_metrics(name.closes, name.volumes, volatility.iv_30d)
        dealer_metrics(chain, adv_20=price.adv_20, hv_20=price.hv_20, iv_rank=volatility.iv_rank)


def _plain_profile(chain: Chain) -> Floats:
    """Net gamma on all spots, as the formula is written."""
    spots = SPOT * np.linspace(1 - FLIP_RANGE, 1 + FLIP_RANGE, FLIP_POINTS)[:, None]
    gamma = black_scholes.gamma(spots, chain.strike, chain.years, chain.pricing_iv, rate=RATE)
    net: Floats = (gamma * spots**2 * ONE_PERCENT) @ (chain.sign * chain.open_interest * chain.multiplier)
    return net


def _name(generator: np.random.Generator, contracts: int) -> Name:
    return Name(
        contracts=_contracts(generator, contracts),
        closes=SPOT * np.exp(np.cumsum(generator.normal(0, 0.02, BARS))),
        volumes=generator.integers(10**5, 10**6, BARS).astype(np.float64),
        iv_history=generator.uniform(0.2, 0.5, HISTORY),
    )


def _contracts(generator: np.random.Generator, count: int) -> pd.DataFrame:
    """A chain of calls and puts on weekly expiries, 50 strikes each, every tenth without the vendor's greeks."""
    places = np.arange(count)
    is_call = places % 2 == 0
    strike = SPOT * np.linspace(0.6, 1.4, 50)[places // 2 % 50]
    weeks = places // 100 + 1
    iv = 0.25 + 0.3 * (np.log(strike / SPOT) - 0.1) ** 2 + generator.uniform(0, 0.02, count)
    option = (SPOT, strike, weeks * 7 / 365, iv)
    has_greeks = places % 10 > 0
    return pd.DataFrame(
        {
            "strike": strike,
            "expiration_date": [SESSION + timedelta(weeks=int(week)) for week in weeks],
            "contract_type": np.where(is_call, "call", "put"),
            "open_interest": generator.integers(1, 5_000, count).astype(np.float64),
            "volume": generator.integers(0, 2_000, count).astype(np.float64),
            "implied_volatility": iv,
            "delta": np.where(has_greeks, black_scholes.delta(*option, is_call=is_call, rate=RATE), np.nan),
            "gamma": np.where(has_greeks, black_scholes.gamma(*option, rate=RATE), np.nan),
            "multiplier": 100.0,
            "is_standard": True,
        }
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
