"""What an ended forecast scores: Brier (1950), and the three components of the success score. Nothing of bars.

Brier, G. W. (1950), "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78:
the score of a yes-or-no forecast is the squared difference of probability and what came, 0 the best, 1 the worst; skill
is the share of a reference forecast's score that was saved.
"""

from collections.abc import Sequence
from typing import Literal

from kapman_assets.decisions.idea import Direction

Status = Literal["WIN", "LOSS", "NEUTRAL", "VOID"]

DIRECTION_WEIGHT, PROFITABILITY_WEIGHT, TIMING_WEIGHT = 0.5, 0.3, 0.2
"""Of the components in `success_score`. The direction is what the confidence is of and is always known; the profit
depends on the contract as well, the timing on the path."""


def direction_correct(direction: Direction, underlying_return: float, neutral_band: float) -> bool | None:
    """Whether a forecast came true; None where the move was inside the band and a direction had been forecast.

    Args:
        direction: LONG, SHORT or NEUTRAL.
        underlying_return: exit over entry less 1.
        neutral_band: moves up to this size are none, decimal, >= 0.
    """
    is_inside = abs(underlying_return) <= neutral_band
    if direction == "NEUTRAL":
        return is_inside
    return None if is_inside else (underlying_return > 0) == (direction == "LONG")


def directional_brier(confidence: float, is_correct: bool) -> float:
    """Squared difference of the probability that was said and what came (1 or 0)."""
    return (confidence - is_correct) ** 2


def skill(scores: Sequence[float], reference: Sequence[float]) -> float | None:
    """1 less the mean Brier score over that of a reference forecast; None where the reference is never wrong."""
    mean, base = sum(scores) / len(scores), sum(reference) / len(reference)
    return 1 - mean / base if base > 0 else None


def direction_score(is_correct: bool | None) -> float:
    """1 for a right direction, 0 for a wrong one, 0.5 inside the band."""
    return 0.5 if is_correct is None else float(is_correct)


def profitability_score(return_on_risk: float) -> float:
    """Profit over the most that could be lost, between -1 and 1, as 0 to 1: 0.5 is neither gain nor loss."""
    return (min(max(return_on_risk, -1.0), 1.0) + 1) / 2


def timing_score(favourable: float, adverse: float) -> float | None:
    """Share of the way for the idea in the ways for and against it; None if the price never moved."""
    return favourable / (favourable + adverse) if favourable + adverse > 0 else None


def success_score(direction: float, profitability: float | None, timing: float | None) -> float:
    """Weighted mean of the components that are known, 0 to 1."""
    parts = [
        (DIRECTION_WEIGHT, direction),
        *(
            (weight, part)
            for weight, part in ((PROFITABILITY_WEIGHT, profitability), (TIMING_WEIGHT, timing))
            if part is not None
        ),
    ]
    return sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts)


def outcome_status(is_correct: bool | None, *, is_void: bool) -> Status:
    """WIN, LOSS, NEUTRAL (inside the band), or VOID where nothing was entered."""
    if is_void:
        return "VOID"
    return "NEUTRAL" if is_correct is None else "WIN" if is_correct else "LOSS"
