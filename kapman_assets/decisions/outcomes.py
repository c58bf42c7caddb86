"""An ended idea as a row of `recommendation_outcomes`: ending, option result and scores together. Plain values."""

from dataclasses import dataclass

from kapman_assets.decisions import scoring
from kapman_assets.decisions.judgement import Ending, Terms
from kapman_assets.decisions.option_result import HeldLeg, OptionResult
from kapman_assets.decisions.outcome_reasons import Reason

Row = dict[str, object]


@dataclass(frozen=True)
class Issued:
    """A stored recommendation, as far as its end depends on it.

    Attributes:
        ticker_id: the name.
        action: OPEN, FORECAST, EXIT or CAUTION.
        terms: what is judged.
        neutral_band: decimal, >= 0.
        confidence: 0 to 1.
        max_loss: USD a unit, positive; None where unknown.
        legs: empty unless the action is OPEN.
    """

    ticker_id: int
    action: str
    terms: Terms
    neutral_band: float
    confidence: float
    max_loss: float | None
    legs: tuple[HeldLeg, ...]


def outcome_row(issued: Issued, ending: Ending, option: OptionResult) -> Row:
    """The row of an idea that ended.

    Args:
        issued: the idea.
        ending: how it ended.
        option: result of its contracts at the end of the session in which it did; ignored if it was never entered.
    """
    row: Row = {
        "date": ending.session,
        "ticker_id": issued.ticker_id,
        "issued": issued.terms.issued,
        "exit_reason": ending.reason.value,
        "entry_session": ending.entry_session,
        "entry_price_actual": ending.entry_price,
        "exit_price_actual": ending.exit_price,
        "favourable": ending.favourable,
        "adverse": ending.adverse,
        "sessions_held": ending.sessions_held,
        "predicted_confidence": issued.confidence,
    } | dict.fromkeys(_SCORES)
    if ending.entry_price is None or ending.exit_price is None:
        reasons = {name: Reason.NOT_ENTERED for name, value in row.items() if value is None}
        return row | {"outcome_status": scoring.outcome_status(None, is_void=True), "null_reasons": _codes(reasons)}

    reasons = {}
    moved = ending.exit_price / ending.entry_price - 1
    is_right = scoring.direction_correct(issued.terms.direction, moved, issued.neutral_band)
    row |= {"underlying_return": moved, "direction_correct": is_right}
    if is_right is None:
        reasons |= {"direction_correct": Reason.INSIDE_BAND, "directional_brier": Reason.INSIDE_BAND}
    else:
        row["directional_brier"] = scoring.directional_brier(issued.confidence, is_right)

    profitability = timing = None
    row |= {"option_pnl": option.pnl, "option_pnl_basis": option.basis}
    if option.pnl is None:
        unknown = option.reason or Reason.NO_LEGS
        reasons |= dict.fromkeys(("option_pnl", "option_pnl_basis", "return_on_risk", "profitability_score"), unknown)
    elif not issued.max_loss:
        reasons |= dict.fromkeys(("return_on_risk", "profitability_score"), Reason.NO_RISK)
    else:
        row["return_on_risk"] = on_risk = option.pnl / issued.max_loss
        profitability = scoring.profitability_score(on_risk)

    if ending.favourable is None or ending.adverse is None:
        reasons |= dict.fromkeys(("favourable", "adverse", "timing_score"), Reason.NO_DIRECTION)
    elif (timing := scoring.timing_score(ending.favourable, ending.adverse)) is None:
        reasons["timing_score"] = Reason.NO_MOVE

    direction = scoring.direction_score(is_right)
    return row | {
        "direction_score": direction,
        "profitability_score": profitability,
        "timing_score": timing,
        "success_score_v1": direction,
        "success_score": scoring.success_score(direction, profitability, timing),
        "outcome_status": scoring.outcome_status(is_right, is_void=False),
        "null_reasons": _codes(reasons),
    }


_SCORES = (
    "underlying_return",
    "direction_correct",
    "directional_brier",
    "option_pnl",
    "return_on_risk",
    "direction_score",
    "profitability_score",
    "timing_score",
    "success_score_v1",
    "success_score",
    "option_pnl_basis",
)
"""Columns that an idea which was never entered has none of."""


def _codes(reasons: dict[str, Reason]) -> dict[str, str]:
    return {column: reason.name for column, reason in reasons.items()}
