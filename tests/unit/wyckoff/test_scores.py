"""Scores: the worked numbers of the definition, every rung of both ladders, and what is unknown."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.wyckoff.features import compute
from kapman_assets.wyckoff.parameters import CompositeWeights
from kapman_assets.wyckoff.scores import (
    SIGNALS,
    SPRING_SIGNALS,
    ClimaxSignals,
    Score,
    bc_score,
    climax_signals,
    composite,
    spring_score,
)
from tests.unit.wyckoff.series import Tape

# The full climax bar: O 205, H 212.19, L 199, C 201.5 after 191; 300 M against 140 M, RSI 78, %K 91.
FULL = {
    "r1": 201.5 / 191 - 1,
    "r1_before": 0.03,
    "ret10_sigmas": 3.0,
    "rvol": 300 / 140,
    "width": (212.19 - 199) / 191,
    "clv": (201.5 - 199) / (212.19 - 199),
    "rsi": 78.0,
    "stoch": 91.0,
    "is_closing_high": 1.0,
    "obv_below_pivot": 1.0,
    "obv_slope": -1.0,
    "is_new_high": 1.0,
    "fall_from_high": 1 - 201.5 / 212.19,
    "below_high60": 0.0,
    "sentiment": 0.97,
    "sentiment_is_price_only": 0.0,
}
SOFTER = FULL | {
    "r1": 209 / 191 - 1,
    "rvol": 1.36,
    "clv": (209 - 199) / (212.19 - 199),
    "rsi": 68.0,
    "fall_from_high": 1 - 209 / 212.19,
    "sentiment": 0.60,
}
QUIET = FULL | {
    "r1": 0.0,
    "r1_before": 0.0,
    "ret10_sigmas": 0.0,
    "rvol": 0.9,
    "width": 0.01,
    "rsi": 50.0,
    "stoch": 50.0,
    "is_closing_high": 0.0,
    "is_new_high": 0.0,
    "sentiment": 0.5,
}


def graded(**inputs: float) -> Score:
    return bc_score(ClimaxSignals(**{name: np.array([value]) for name, value in inputs.items()}))


def points(score: Score) -> dict[str, float]:
    return {name: float(values[0]) for name, values in score.points.items()}


def spring(*inputs: float) -> Score:
    return spring_score(*(np.array([value]) for value in inputs))


def test_the_full_climax_bar() -> None:
    score = graded(**FULL)
    assert points(score) == dict.fromkeys(SIGNALS, 4.0)
    assert (score.raw[0], score.most[0], score.scaled[0], score.known[0]) == (28, 28, 28, 7)


def test_without_sentiment_it_is_24_of_24() -> None:
    score = graded(**FULL | {"sentiment": math.nan})
    assert math.isnan(points(score)["sentiment"])
    assert (score.raw[0], score.most[0], score.scaled[0], score.known[0]) == (24, 24, 28, 6)


def test_the_softer_bar() -> None:
    score = graded(**SOFTER)
    assert points(score) == {
        "parabolic": 4,
        "volume": 2,
        "wide_bar": 2,
        "overbought": 2,
        "divergence": 4,
        "at_highs": 2,
        "sentiment": 0,
    }
    assert (score.raw[0], score.scaled[0]) == (16, 16)


@pytest.mark.parametrize(
    ("signal", "changed", "expected"),
    [
        ("parabolic", {"r1": 0.051}, 4),
        ("parabolic", {"r1": 0.031, "r1_before": 0.031}, 4),
        ("parabolic", {"r1": 0.031, "r1_before": 0.03}, 2),
        ("parabolic", {"r1": 0.03}, 2),
        ("parabolic", {"r1": 0.02}, 1),
        ("parabolic", {"ret10_sigmas": 2.1}, 1),
        ("parabolic", {"r1": 0.019}, 0),
        ("parabolic", {"r1": math.nan}, math.nan),
        ("parabolic", {"r1": 0.1, "below_high60": 0.031}, 0),
        ("parabolic", {"r1": 0.1, "below_high60": 0.03}, 4),
        ("parabolic", {"r1": 0.1, "below_high60": math.nan}, math.nan),
        ("volume", {"rvol": 2.01}, 4),
        ("volume", {"rvol": 2.0}, 3),
        ("volume", {"rvol": 1.5}, 2),
        ("volume", {"rvol": 1.2}, 1),
        ("volume", {"rvol": 1.0}, 0),
        ("volume", {"rvol": math.nan}, math.nan),
        ("wide_bar", {"width": 0.041, "clv": 0.30}, 4),
        ("wide_bar", {"width": 0.041, "clv": 0.50}, 3),
        ("wide_bar", {"width": 0.041, "clv": 0.51}, 2),
        ("wide_bar", {"width": 0.04, "clv": 0.1}, 1),
        ("wide_bar", {"width": 0.03, "clv": 0.1}, 0),
        ("wide_bar", {"width": 0.041, "below_high60": 0.5}, 0),
        ("wide_bar", {"width": math.nan}, math.nan),
        ("overbought", {"rsi": 70.1, "stoch": 80.1}, 4),
        ("overbought", {"rsi": 70.1, "stoch": 80.0}, 2),
        ("overbought", {"rsi": 70.0, "stoch": 80.1}, 2),
        ("overbought", {"rsi": 70.0, "stoch": 80.0}, 0),
        ("overbought", {"rsi": math.nan}, math.nan),
        ("divergence", {"is_closing_high": 1.0, "obv_slope": 0.0}, 4),
        ("divergence", {"is_closing_high": 1.0, "obv_slope": 0.1}, 2),
        ("divergence", {"is_closing_high": 1.0, "obv_below_pivot": 0.0}, 0),
        ("divergence", {"is_closing_high": 1.0, "obv_below_pivot": math.nan}, math.nan),
        ("divergence", {"obv_below_pivot": math.nan}, 0),
        ("at_highs", {"is_new_high": 1.0, "fall_from_high": 0.02}, 4),
        ("at_highs", {"is_new_high": 1.0, "fall_from_high": 0.01}, 2),
        ("at_highs", {"is_new_high": 1.0, "fall_from_high": 0.009}, 0),
        ("at_highs", {"is_new_high": 1.0, "below_high60": 0.04}, 0),
        ("at_highs", {"is_new_high": math.nan}, math.nan),
        ("sentiment", {"sentiment": 0.95}, 4),
        ("sentiment", {"sentiment": 0.90}, 3),
        ("sentiment", {"sentiment": 0.80}, 2),
        ("sentiment", {"sentiment": 0.70}, 1),
        ("sentiment", {"sentiment": 0.69}, 0),
        ("sentiment", {"sentiment": math.nan}, math.nan),
        # Prices and volume have points of their own already.
        ("sentiment", {"sentiment": 0.95, "sentiment_is_price_only": 1.0}, 2),
        ("sentiment", {"sentiment": 0.80, "sentiment_is_price_only": 1.0}, 2),
        ("sentiment", {"sentiment": 0.79, "sentiment_is_price_only": 1.0}, 1),
        ("sentiment", {"sentiment": math.nan, "sentiment_is_price_only": 1.0}, math.nan),
    ],
)
def test_every_rung_of_the_climax(signal: str, changed: dict[str, float], expected: float) -> None:
    got = points(graded(**QUIET | changed))
    assert got[signal] == pytest.approx(expected, nan_ok=True)
    others = {name: value for name, value in got.items() if name != signal and not math.isnan(value)}
    assert set(others.values()) == {0.0}


def test_nothing_known_is_no_score() -> None:
    score = graded(**dict.fromkeys(FULL, math.nan))
    assert math.isnan(score.raw[0])
    assert math.isnan(score.scaled[0])
    assert (score.most[0], score.known[0]) == (0, 0)


@pytest.mark.parametrize(
    ("bars", "volume", "expected"),
    [
        # (open, high, low, close) from the break on; volume of the break against 1; points in order.
        ([(50.2, 50.4, 49.3, 50.3)], 0.6, (3, 3, 3, 3)),
        ([(50.2, 50.4, 49.0, 49.4), (49.5, 50.6, 49.4, 50.5)], 0.9, (3, 3, 1, 3)),
        ([(50.0, 50.1, 47.5, 47.8)], 2.2, (2, 0, 0, 0)),
    ],
)
def test_the_worked_springs(
    bars: list[tuple[float, float, float, float]], volume: float, expected: tuple[int, ...]
) -> None:
    support, atr = 50.0, 1.0
    back = next((k for k, bar in enumerate(bars) if bar[3] > support), -1)
    depth = support - min(bar[2] for bar in bars)
    _, high, low, close = bars[back]
    clv = math.nan if back < 0 else (close - low) / (high - low)
    score = spring(depth / atr, depth / support, back, volume, clv)

    assert tuple(points(score).values()) == expected
    assert tuple(points(score)) == SPRING_SIGNALS
    assert score.raw[0] == score.scaled[0] == sum(expected)
    assert score.most[0] == 12


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ((0.0, 0.0, -1, 0.5, math.nan), (0, 0, 0, 0)),
        ((0.2, 0.01, 0, 0.69, 0.75), (2, 3, 3, 3)),
        ((0.25, 0.01, 1, 0.7, 0.74), (3, 3, 2, 2)),
        ((2.0, 0.06, 2, 0.85, 0.6), (3, 2, 1, 2)),
        ((2.0, 0.061, 3, 1.0, 0.5), (2, 1, 0, 1)),
        ((3.0, 0.05, 4, 0.5, 0.49), (2, 0, 3, 0)),
        ((3.1, 0.05, -1, 0.5, 0.9), (1, 0, 3, 0)),
        ((1.0, 0.02, 0, math.nan, 0.9), (3, 3, math.nan, 3)),
        ((math.nan, math.nan, -1, 0.5, math.nan), (math.nan,) * 4),
    ],
)
def test_every_rung_of_the_spring(inputs: tuple[float, ...], expected: tuple[float, ...]) -> None:
    got = tuple(points(spring(*inputs)).values())
    assert got == pytest.approx(expected, nan_ok=True)


def test_an_unknown_volume_is_scaled_away() -> None:
    score = spring(1.0, 0.02, 0, math.nan, 0.9)
    assert (score.raw[0], score.most[0], score.scaled[0]) == (9, 9, 12)
    # A half is rounded up: 6 of 9 is 8 of 12, 7 of 9 is 9.33, 11 of 24 is 12.83.
    assert spring(1.0, 0.02, 2, math.nan, 0.5).scaled[0] == 8
    assert graded(**SOFTER | {"sentiment": math.nan}).scaled[0] == round(28 * 16 / 24)


@given(st.lists(st.floats(-1, 3), min_size=len(FULL), max_size=len(FULL)))
def test_scores_stay_on_their_ladders(values: list[float]) -> None:
    score = graded(**dict(zip(FULL, values, strict=True)))
    assert 0 <= score.raw[0] <= score.most[0] <= 28
    assert 0 <= score.scaled[0] <= 28
    assert 0 <= spring(*values[:5]).scaled[0] <= 12


def test_signals_are_read_from_bars() -> None:
    tape = Tape()
    tape.walk(110.0, 30, volume=1500)
    tape.walk(109.0, 4)
    last = tape.add(115.0, high=118.0, low=109.0, volume=4000)
    bars = tape.bars
    got = climax_signals(bars, compute(bars, 3))

    assert got.r1[last] == pytest.approx(115 / 109 - 1)
    assert got.r1_before[last] == pytest.approx(bars.close[last - 1] / bars.close[last - 2] - 1)
    assert got.width[last] == pytest.approx((118 - 109) / 109)
    assert got.fall_from_high[last] == pytest.approx(3 / 118)
    assert (got.is_new_high[last], got.is_closing_high[last], got.below_high60[last]) == (1, 1, 0)
    assert math.isnan(got.r1[0])
    assert math.isnan(got.is_new_high[10])
    assert math.isnan(got.below_high60[59])
    assert np.isnan(got.sentiment).all()
    pivot = int(np.argmax(bars.high[:last]))
    obv = np.concatenate([[0.0], np.cumsum(np.sign(np.diff(bars.close)) * bars.volume[1:])])
    assert got.obv_below_pivot[last] == float(obv[pivot] > obv[last])
    mood = np.linspace(0, 1, len(bars.close))
    of_prices = mood > 0.999
    ends = climax_signals(bars, compute(bars, 3), mood, of_prices, last=3)
    assert ends.sentiment.tolist() == mood[-3:].tolist()
    assert ends.sentiment_is_price_only.tolist() == [0, 0, 1]
    for name, values in ends._asdict().items():
        if not name.startswith("sentiment"):
            assert np.array_equal(values, getattr(got, name)[-3:], equal_nan=True), name


def test_a_composite_is_a_weighted_mean_of_what_is_known() -> None:
    weights = CompositeWeights(events=0.4, spring=0.2, climax=0.2, checklist=0.2)

    assert composite({"events": 1.0, "spring": 1.0, "climax": 0.0, "checklist": 1.0}, weights) == pytest.approx(0.9)
    assert composite({"events": None, "spring": None, "climax": -1.0, "checklist": None}, weights) == 0
    assert composite({"events": 0.5, "spring": None, "climax": -0.25, "checklist": None}, weights) == pytest.approx(
        0.5 + 0.5 * (0.4 * 0.5 - 0.2 * 0.25) / 0.6
    )
    assert composite({"events": None, "spring": None, "climax": None, "checklist": None}, weights) is None


@given(st.lists(st.one_of(st.none(), st.floats(-1, 1)), min_size=4, max_size=4))
def test_a_composite_is_a_share(values: list[float | None]) -> None:
    parts = dict(zip(("events", "spring", "climax", "checklist"), values, strict=True))
    got = composite(parts, CompositeWeights())
    assert got is None or 0 <= got <= 1
