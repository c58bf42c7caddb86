"""Whether forecasts beat always saying the base rate by more than chance. Plain arithmetic on scores by week."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Advantage:
    """The Brier score of the base rate less that of the forecasts, over all weeks.

    Attributes:
        scored: forecasts with a right or wrong direction.
        weeks: in which their outcomes came.
        brier: of the forecasts.
        brier_base: of the base rate.
        skill: 1 - brier / brier_base; None where the base rate made no error.
        mean: brier_base - brier; above 0 the forecasts are better.
        standard_error: of the mean; None with fewer than two weeks.
    """

    scored: int
    weeks: int
    brier: float
    brier_base: float
    skill: float | None
    mean: float
    standard_error: float | None


def advantage(scored: npt.ArrayLike, brier: npt.ArrayLike, brier_base: npt.ArrayLike) -> Advantage | None:
    """Add weeks up: each is measured against the base rate known before it.

    Outcomes of one week are not independent of each other, so that the error is that of the weeks: the mean is a ratio
    of two sums over them (Cochran, Sampling Techniques, section 6.3).

    Args:
        scored: forecasts by week.
        brier: their Brier score; NaN where none was scored.
        brier_base: that of the base rate; likewise.

    Returns:
        None where nothing has been scored.
    """
    n, own, base = (np.asarray(values, dtype=np.float64) for values in (scored, brier, brier_base))
    seen = n > 0
    n, own, base = n[seen], own[seen], base[seen]
    total = float(n.sum())
    if not total:
        return None
    better = n * (base - own)
    mean = float(better.sum() / total)
    weeks = len(n)
    error = None
    if weeks > 1:
        residual = better - mean * n
        error = float(np.sqrt(weeks / (weeks - 1) * (residual**2).sum()) / total)
    score, of_base = float((n * own).sum() / total), float((n * base).sum() / total)
    return Advantage(int(total), weeks, score, of_base, 1 - score / of_base if of_base else None, mean, error)
