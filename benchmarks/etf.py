"""Features of many symbols, and what followed a condition: calculation alone, on random walks; nothing is stored."""

import time
from collections.abc import Callable
from datetime import date

import numpy as np

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.etf.columns import HORIZONS
from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.look_back import first_day_seen
from kapman_assets.etf.rule_names import ETF_NAMES
from kapman_assets.etf.statistics import conditional_statistics
from kapman_assets.rules.catalogue import Catalogue
from kapman_assets.rules.evaluation import evaluate_history
from kapman_assets.rules.parser import parse
from kapman_resources.sessions import session_offset, sessions_between

_LAST = date(2026, 8, 21)
_SYMBOLS, _SECTORS, _SESSIONS, _TWO_YEARS = 500, 12, 300, 504
_ROUNDS = 5
_RULE = "z<=-1.0 and rsi14<50"


def measure(laboratory: Laboratory) -> list[Row]:
    """A large universe, the sectors over the same sessions, the sectors on one evening, one question of statistics."""
    sessions = min(_SESSIONS, laboratory.sizes.history_sessions)
    universe = _panel(min(_SYMBOLS, laboratory.sizes.names), sessions)
    sectors = _panel(_SECTORS, sessions)
    evening = _panel(_SECTORS, 1)
    question = _question()
    note = "calculation and the frame, without reading and writing"
    return [
        _features(universe, sessions, rounds=3, max_seconds=8.0, note=note),
        _features(sectors, sessions, rounds=_ROUNDS, max_seconds=0.5, note=note),
        _features(evening, 1, rounds=_ROUNDS, max_seconds=0.1, note=note),
        timed(
            "statistics of one rule and symbol",
            f"{_TWO_YEARS} sessions",
            _seconds(question, _ROUNDS * 4),
            max_seconds=0.1,
            note="rule read and decided, forward returns over 20 sessions, intervals of 2,000 draws",
        ),
    ]


def _features(panel: Panel, sessions: int, *, rounds: int, max_seconds: float, note: str) -> Row:
    rows = len(panel.symbols) * sessions * len(HORIZONS)
    return timed(
        "ETF features",
        f"{len(panel.symbols)} symbols x {len(HORIZONS)} horizons x {sessions} sessions",
        _seconds(lambda: etf_features(panel, last=sessions), rounds),
        rows=rows,
        max_seconds=max_seconds,
        note=note,
    )


def _question() -> Callable[[], object]:
    panel = _panel(1, _TWO_YEARS)
    rows = etf_features(panel, last=_TWO_YEARS)
    of_symbol = rows[rows["horizon"] == "60D"].reset_index(drop=True)
    sessions, closes = panel.sessions[-_TWO_YEARS:], panel.close[0, -_TWO_YEARS:]

    def ask() -> object:
        held = evaluate_history(parse(_RULE, Catalogue(ETF_NAMES)), of_symbol)
        return conditional_statistics(sessions, closes, held, 20, _LAST)

    return ask


def _panel(symbols: int, sessions: int) -> Panel:
    """Walks over all that the rows of the last sessions see."""
    days = sessions_between(first_day_seen(session_offset(_LAST, 1 - sessions)), _LAST)
    rng = np.random.default_rng(symbols)
    market = rng.normal(0, 0.008, len(days))
    close = 50 * np.exp((market + rng.normal(0, 0.01, (symbols, len(days)))).cumsum(axis=1))
    return Panel(
        symbols=[f"S{place}" for place in range(symbols)],
        sessions=days,
        high=close * np.exp(np.abs(rng.normal(0, 0.005, close.shape))),
        low=close * np.exp(-np.abs(rng.normal(0, 0.005, close.shape))),
        close=close,
        volume=np.exp(rng.normal(14, 0.5, close.shape)),
        benchmark=400 * np.exp(market.cumsum()),
    )


def _seconds(call: Callable[[], object], rounds: int) -> list[float]:
    """Of every round after the first, which only warms up."""
    call()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return seconds
