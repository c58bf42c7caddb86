"""The chance of being right, against closed formulas and against a random walk counted out step by step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from kapman_assets.decisions.chance import chance_right

ways = st.floats(0.1, 6) | st.just(math.inf)


def counted(stop: float, target: float, band: float, steps: int = 6400) -> float:
    """The same of a walk of equal steps up and down, one deviation over all of them: every place's probability."""
    step = 1 / math.sqrt(steps)
    low, high = -round(min(stop, 8) / step), round(min(target, 8) / step)
    places = np.zeros(high - low + 1)
    places[-low] = 1
    right = wrong = 0.0
    for _ in range(steps):
        places = 0.5 * (np.append(places[1:], 0) + np.insert(places[:-1], 0, 0))
        right, wrong = right + places[-1], wrong + places[0]
        places[0] = places[-1] = 0
    at = np.arange(low, high + 1) * step
    # Half of what stands on the band's edge lies on either side of it.
    right += places[at > band].sum()
    wrong += places[at < -band].sum()
    return float(right / (right + wrong))


def test_without_levels_it_is_even() -> None:
    assert chance_right(math.inf, math.inf, 0.3, 1.0) == 0.5


def test_with_all_the_time_it_is_the_gamblers_ruin() -> None:
    # A fair game ends at +b before -a with probability a / (a + b).
    assert chance_right(1.0, 3.0, 0.1, 100.0) == pytest.approx(1 / 4, abs=1e-9)
    assert chance_right(2.0, 1.0, 0.1, 100.0) == pytest.approx(2 / 3, abs=1e-9)


def test_one_level_follows_the_reflection_principle() -> None:
    # P(max >= b) = 2 P(end >= b); what ends in (band, b) and never met b is P(band < end < b) - P(b < end < 2b - band).
    b, band = 1.0, 0.25
    hit = 2 * norm.sf(b)
    right = hit + norm.cdf(b) - norm.cdf(band) - (norm.cdf(2 * b - band) - norm.cdf(b))
    wrong = norm.cdf(-band) - norm.sf(2 * b + band)
    assert chance_right(math.inf, b, band, 1.0) == pytest.approx(right / (right + wrong), abs=1e-12)
    assert chance_right(b, math.inf, band, 1.0) == pytest.approx(wrong / (right + wrong), abs=1e-12)


@pytest.mark.parametrize(("stop", "target", "band"), [(1, 3, 0.25), (0.5, 1.5, 0.25), (0.5, 0.75, 0.1), (2, 4, 0.25)])
def test_it_is_what_a_walk_of_small_steps_counts(stop: float, target: float, band: float) -> None:
    assert chance_right(stop, target, band, 1.0) == pytest.approx(counted(stop, target, band + 1e-9), abs=0.004)


@given(ways, ways, st.floats(0, 0.5), st.floats(0.2, 5))
def test_the_other_side_has_the_rest_and_units_do_not_matter(
    stop: float, target: float, band: float, deviation: float
) -> None:
    chance = chance_right(stop * deviation, target * deviation, band * deviation, deviation)
    assert 0 <= chance <= 1
    assert chance == pytest.approx(chance_right(stop, target, band, 1.0), abs=1e-9)
    assert chance + chance_right(target, stop, band, 1.0) == pytest.approx(1, abs=1e-9)
    if stop < target:
        assert chance <= 0.5 + 1e-9 or math.isinf(target)
