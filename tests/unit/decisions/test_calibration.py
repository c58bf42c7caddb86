"""Calibration against hand-pooled blocks, and what must hold for any record."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.decisions.calibration import fit, out_of_sample

RECORDS = st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=5, max_size=200)


def arrays(record: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    said, came = np.array(record).T
    return said / 100, came.astype(float)


def test_violators_are_pooled_by_hand() -> None:
    # Shares by confidence: 0.6 -> 1/2, 0.7 -> 1/4, 0.9 -> 2/2. The first two violate the order: 2 of 6.
    said = np.array([0.6, 0.6, 0.7, 0.7, 0.7, 0.7, 0.9, 0.9])
    came = np.array([1.0, 0, 1, 0, 0, 0, 1, 1])
    curve = fit(said, came)
    np.testing.assert_allclose(curve(np.array([0.5, 0.6, 0.65, 0.7])), 1 / 3)
    # Half-way between the points, and at most 9 of 10 from a record of 8.
    np.testing.assert_allclose(curve(np.array([0.8, 0.9, 0.99])), [(1 / 3 + 1) / 2, 0.9, 0.9])


def test_an_overconfident_record_is_corrected_and_scores_better() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.2, 0.6, 5000)
    said, came = truth + 0.3, (rng.random(5000) < truth).astype(float)
    np.testing.assert_allclose(fit(said, came)(np.array([0.6, 0.7, 0.8])), [0.3, 0.4, 0.5], atol=0.05)
    test = out_of_sample(said, came)
    # In expectation the raw score is worse by the bias squared, 0.09.
    assert test.brier_raw - test.brier_calibrated == pytest.approx(0.09, abs=0.02)


def test_the_last_fifth_is_not_in_the_fit_that_is_tested_on_it() -> None:
    said = np.full(10, 0.8)
    came = np.array([1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    # Four of eight before: 0.5, wrong twice.
    assert out_of_sample(said, came) == pytest.approx((0.64, 0.25))


@given(RECORDS)
@settings(deadline=None)
def test_a_curve_is_monotone_inside_its_bounds_and_keeps_the_mean(record: list[tuple[int, bool]]) -> None:
    said, came = arrays(record)
    curve = fit(said, came)
    read = curve(np.linspace(0, 1, 301))
    assert (np.diff(read) >= -1e-12).all()
    assert read.min() >= 1 / (len(record) + 2) > 0
    assert read.max() <= 1 - 1 / (len(record) + 2) < 1
    # Pooling keeps the sum, as least squares must.
    assert np.interp(said, curve.confidence, curve.calibrated).sum() == pytest.approx(came.sum(), abs=1e-9)


@given(RECORDS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_a_record_changes_nothing(record: list[tuple[int, bool]], random: object) -> None:
    said, came = arrays(record)
    order = np.array(random.sample(range(len(record)), len(record)))  # type: ignore[attr-defined]
    np.testing.assert_allclose(fit(said, came).calibrated, fit(said[order], came[order]).calibrated, atol=1e-12)


@given(RECORDS)
@settings(deadline=None)
def test_no_monotone_correction_fits_better(record: list[tuple[int, bool]]) -> None:
    said, came = arrays(record)
    curve = fit(said, came)

    def loss(values: np.ndarray) -> float:
        return float(np.mean((values - came) ** 2))

    best = loss(np.interp(said, curve.confidence, curve.calibrated))
    # The raw confidence, constants and a steep line are monotone too.
    for other in (said, np.full_like(said, came.mean()), np.clip(2 * said - 0.5, 0, 1)):
        assert best <= loss(other) + 1e-12
