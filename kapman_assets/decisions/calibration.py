"""What a stated confidence has been worth: isotonic regression on scored outcomes. Arrays in, numbers out.

The curve is the non-decreasing step function with the least squared error (pool adjacent violators), read between its
points by linear interpolation and level outside of them. A block of one kind alone would say 0 or 1, which no finite
record shows: n outcomes leave room for 1 / (n + 2) (Laplace's rule of succession).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

Floats = npt.NDArray[np.float64]

LEAST_OUTCOMES = 100
"""Scored outcomes below which nothing is corrected."""

HELD_OUT = 5
"""One in so many outcomes, the latest ones, is kept from the fit that is tested on them."""


class Curve(NamedTuple):
    """Points of a calibration, ascending in both, and the least and greatest probability it may say."""

    confidence: Floats
    calibrated: Floats
    margin: float

    def __call__(self, confidence: Floats) -> Floats:
        """Calibrated probabilities, inside (0, 1)."""
        read = np.interp(confidence, self.confidence, self.calibrated)
        return np.clip(read, self.margin, 1 - self.margin)


class Test(NamedTuple):
    """Mean Brier scores over the held-out outcomes."""

    brier_raw: float
    brier_calibrated: float


def fit(confidence: Floats, right: Floats) -> Curve:
    """Fit a curve.

    Args:
        confidence: of each outcome, 0 to 1; at least one.
        right: 1 where the direction was right, 0 where it was wrong.
    """
    said, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    # Equal confidences are one point: the curve is a function of them.
    shares = np.bincount(place, right) / counts
    return Curve(said, isotonic_regression(shares, weights=counts).x, 1 / (len(right) + 2))


def out_of_sample(confidence: Floats, right: Floats) -> Test:
    """Raw and calibrated scores of the last fifth, fitted on what came before it.

    Args:
        confidence: as in `fit`, in the order in which the outcomes came; at least `HELD_OUT`.
        right: likewise.
    """
    cut = len(right) - len(right) // HELD_OUT
    curve = fit(confidence[:cut], right[:cut])
    held_out, came = confidence[cut:], right[cut:]
    return Test(float(np.mean((held_out - came) ** 2)), float(np.mean((curve(held_out) - came) ** 2)))
