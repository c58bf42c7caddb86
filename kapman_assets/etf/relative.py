"""A symbol against its benchmark: relative strength, beta and correlation."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kapman_assets.etf.indicators import FLAT
from kapman_assets.etf.windows import Floats, windows

RETURNS = 252
"""Daily returns of beta and correlation."""


class Regression(NamedTuple):
    """Beta and correlation, one value a session, and the returns that both had up to it."""

    beta: Floats
    correlation: Floats
    returns: npt.NDArray[np.int64]


def session_return(close: Floats, sessions: int) -> Floats:
    """Return from the close so many sessions before; NaN where one of the two is unknown."""
    result = np.full(len(close), np.nan)
    result[sessions:] = close[sessions:] / close[: max(len(close) - sessions, 0)] - 1
    return result


def regression(close: Floats, benchmark: Floats, starts: npt.NDArray[np.int64], count: int) -> Regression:
    """Beta and correlation on the last `count` sessions.

    Returns are logarithms, between sessions on which both have a bar: where one lacks a day, both returns span two.

    Args:
        close: of the symbol, USD a share, NaN without a usable bar.
        benchmark: close of the benchmark, likewise.
        starts: for each of the last sessions, the position of the first that it sees.
        count: sessions that are asked for.
    """
    is_common = ~(np.isnan(close) | np.isnan(benchmark))
    places = np.flatnonzero(is_common)
    before = np.concatenate(([0], is_common.cumsum()))
    seen = before[len(close) - count + 1 :] - before[starts]
    returns = np.maximum(seen - 1, 0)
    beta, correlation = np.full(count, np.nan), np.full(count, np.nan)
    # Places among the last sessions that have both bars and a full window behind them.
    asked = np.flatnonzero(is_common[len(close) - count :] & (returns >= RETURNS))
    if len(asked):
        ends = before[len(close) - count + asked + 1] - 1
        first = ends[0] - RETURNS
        own, market = (
            windows(np.diff(np.log(prices[places[first:]])), RETURNS)[ends - ends[0]] for prices in (close, benchmark)
        )
        own -= own.mean(axis=-1, keepdims=True)
        market -= market.mean(axis=-1, keepdims=True)
        together, of_market, of_own = ((a * b).sum(axis=-1) for a, b in ((own, market), (market, market), (own, own)))
        least = RETURNS * FLAT**2
        moves = of_market > least
        beta[asked] = np.divide(together, of_market, out=np.full(len(asked), np.nan), where=moves)
        both_move = moves & (of_own > least)
        quotient = np.divide(together, np.sqrt(of_own * of_market), out=np.full(len(asked), np.nan), where=both_move)
        # Rounding must not leave the range.
        correlation[asked] = np.clip(quotient, -1, 1)
    return Regression(beta, correlation, returns)
