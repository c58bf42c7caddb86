"""Whether forecasts beat the base rate, against numbers by hand and a jackknife over weeks."""

import numpy as np
import pytest

from kapman_assets.decisions.skill import advantage


def test_weeks_add_up_by_their_forecasts() -> None:
    # 10 forecasts at 0.20 against 0.25, 30 at 0.24 against 0.25: (10 * 0.05 + 30 * 0.01) / 40.
    found = advantage([10, 0, 30], [0.20, np.nan, 0.24], [0.25, np.nan, 0.25])
    assert found is not None
    assert (found.scored, found.weeks) == (40, 2)
    assert found.mean == pytest.approx(0.02)
    assert found.brier == pytest.approx(0.23)
    assert found.brier_base == pytest.approx(0.25)
    assert found.skill == pytest.approx(0.08)
    # Residuals 0.5 - 0.2 and 0.3 - 0.6: sqrt(2 * (0.09 + 0.09)) / 40.
    assert found.standard_error == pytest.approx(0.6 / 40)


def test_nothing_scored_says_nothing() -> None:
    assert advantage([], [], []) is None
    assert advantage([0], [np.nan], [np.nan]) is None


def test_one_week_has_no_error_and_a_perfect_base_no_skill() -> None:
    found = advantage([5], [0.3], [0.0])
    assert found is not None
    assert found.standard_error is None
    assert found.skill is None
    assert found.mean == pytest.approx(-0.3)


def test_the_error_is_that_of_leaving_weeks_out() -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(5, 40, 200)
    own, base = 0.24 + 0.05 * rng.normal(size=200), 0.25 + 0.02 * rng.normal(size=200)
    found = advantage(n, own, base)
    assert found is not None
    better = n * (base - own)
    without = (better.sum() - better) / (n.sum() - n)
    jackknife = np.sqrt(199 / 200 * ((without - without.mean()) ** 2).sum())
    assert found.standard_error == pytest.approx(jackknife, rel=0.02)
