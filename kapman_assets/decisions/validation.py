"""Whether an idea may be believed: each rule that it breaks, as a code and a sentence that says how to mend it.

An idea is held against the facts that were told, and nothing else. The database has the last word on legs.
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from kapman_assets.decisions.citations import uncited
from kapman_assets.decisions.contracts import MAX_DTE, MIN_DTE
from kapman_assets.decisions.economics import Economics, Position, economics, net_price
from kapman_assets.decisions.facts import Facts
from kapman_assets.decisions.idea import Idea
from kapman_assets.wyckoff.parameters import SignalRules

SHORTEST, LONGEST = 20, 2000
"""Characters of a justification."""

FARTHEST = 3.0
"""A level above the close by this factor, or below it by it, is no level of twenty sessions."""

BC_CAUTION, BC_EXIT = SignalRules.bc_caution, SignalRules.bc_critical
"""Buying climax scores from which nothing is bought, and from which everything is closed (architecture v2.0 §15.4)."""

_EXAMPLES = 5
_SHOWN = 60


class Code(StrEnum):
    """What can be wrong with an idea."""

    NOT_AN_IDEA = "NOT_AN_IDEA"
    UNKNOWN_CONTRACT = "UNKNOWN_CONTRACT"
    SAME_CONTRACT_TWICE = "SAME_CONTRACT_TWICE"
    NOT_TRADABLE = "NOT_TRADABLE"
    WRONG_SHAPE = "WRONG_SHAPE"
    WRONG_DIRECTION = "WRONG_DIRECTION"
    AGAINST_THE_RULES = "AGAINST_THE_RULES"
    WRONG_LEVELS = "WRONG_LEVELS"
    WRONG_CONFIDENCE = "WRONG_CONFIDENCE"
    WRONG_PRICE = "WRONG_PRICE"
    WRONG_TEXT = "WRONG_TEXT"
    NOT_IN_THE_FACTS = "NOT_IN_THE_FACTS"


@dataclass(frozen=True)
class Problem:
    """A rule that an idea breaks."""

    code: Code
    sentence: str


@dataclass(frozen=True)
class Checked:
    """An idea with what was found.

    Attributes:
        idea: as stated.
        positions: its legs as contracts of the facts; those that are none are left out.
        worth: what a unit of it is worth; None without legs or with problems in them.
        problems: empty if it may be believed.
    """

    idea: Idea
    positions: tuple[Position, ...]
    worth: Economics | None
    problems: tuple[Problem, ...]


def parse(text: str) -> Idea | Problem:
    """The idea that an answer states, or why it states none."""
    try:
        return Idea.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        if isinstance(error, UnicodeEncodeError):
            return Problem(Code.NOT_AN_IDEA, "The answer holds signs that are no text.")
        found = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in error.errors()[:_EXAMPLES]
        )
        return Problem(Code.NOT_AN_IDEA, f"The answer is not an object of the given schema. {shown(found, 400)}")


def check(idea: Idea, facts: Facts) -> Checked:
    """Hold an idea against the facts."""
    contracts = [facts.contract(leg.contract) for leg in idea.legs]
    positions = tuple(
        Position(contract, leg.side, leg.quantity)
        for leg, contract in zip(idea.legs, contracts, strict=True)
        if contract is not None
    )
    problems = [
        *_legs(idea, facts, positions),
        *_shape(idea, positions),
        *_rules(idea, facts),
        *_levels(idea, facts),
        *_confidence(idea),
    ]
    worth = None
    if not problems and positions and idea.strategy is not None:
        problems += _prices(idea, positions)
        if not problems:
            worth = economics(
                positions, idea.strategy, facts.close, stop_loss=idea.stop_loss, profit_target=idea.profit_target
            )
    in_text = list(_text(idea.justification))
    problems += in_text or list(_citations(idea, facts, positions, worth))
    return Checked(idea, positions, worth if not problems else None, tuple(problems))


def _legs(idea: Idea, facts: Facts, positions: Sequence[Position]) -> Iterator[Problem]:
    known = {one.contract.contract for one in positions}
    for leg in idea.legs:
        if leg.contract not in known:
            why = f" ({facts.no_trade_reason})" if not facts.contracts and facts.no_trade_reason else ""
            yield Problem(
                Code.UNKNOWN_CONTRACT,
                f"{shown(leg.contract)} is none of the facts' contracts{why}. Copy one from them, or say FORECAST.",
            )
        if leg.quantity != 1:
            yield Problem(
                Code.WRONG_SHAPE, f"{shown(leg.contract)}: quantity {leg.quantity}. A unit holds one contract a leg."
            )
    if len({leg.contract for leg in idea.legs}) < len(idea.legs):
        yield Problem(Code.SAME_CONTRACT_TWICE, "Two legs name the same contract.")
    for one in positions:
        c = one.contract
        if not (MIN_DTE <= c.dte <= MAX_DTE and c.open_interest > 0 and _is_positive(c.price)):
            yield Problem(
                Code.NOT_TRADABLE,
                f"{c.contract} has {c.dte} days, an open interest of {c.open_interest} and a price of {c.price}: "
                f"take one of {MIN_DTE} to {MAX_DTE} days with both.",
            )


def _shape(idea: Idea, positions: Sequence[Position]) -> Iterator[Problem]:
    """Strategy, legs and direction agree."""
    if idea.action != "OPEN":
        if idea.legs or idea.strategy is not None:
            yield Problem(Code.WRONG_SHAPE, f"{idea.action} has neither strategy nor legs; only OPEN has them.")
        if idea.action in {"EXIT", "CAUTION"} and idea.direction == "LONG":
            yield Problem(Code.WRONG_DIRECTION, f"{idea.action} is a forecast with direction SHORT or NEUTRAL.")
        return
    if idea.strategy is None or not idea.legs:
        yield Problem(Code.WRONG_SHAPE, "OPEN needs a strategy and its legs.")
        return
    if len(positions) < len(idea.legs):
        return
    legs = [(one.side, one.contract.contract_type) for one in positions]
    if idea.strategy == "VERTICAL_SPREAD":
        yield from _vertical(idea, positions)
        return
    wanted, directions = {
        "LONG_CALL": ([("BUY", "call")], {"LONG"}),
        "LONG_PUT": ([("BUY", "put")], {"SHORT"}),
        "CSP": ([("SELL", "put")], {"LONG", "NEUTRAL"}),
    }[idea.strategy]
    if legs != wanted:
        yield Problem(Code.WRONG_SHAPE, f"{idea.strategy} is one leg: {' '.join(wanted[0])}.")
    if idea.direction not in directions:
        yield Problem(Code.WRONG_DIRECTION, f"{idea.strategy} goes with {' or '.join(sorted(directions))}.")


def _vertical(idea: Idea, positions: Sequence[Position]) -> Iterator[Problem]:
    by_side = {one.side: one.contract for one in positions}
    if len(positions) != 2 or len(by_side) != 2:  # noqa: PLR2004 a leg bought and a leg sold
        yield Problem(Code.WRONG_SHAPE, "VERTICAL_SPREAD is two legs, one bought and one sold.")
        return
    bought, sold = by_side["BUY"], by_side["SELL"]
    if bought.contract_type != sold.contract_type or bought.expiration_date != sold.expiration_date:
        yield Problem(Code.WRONG_SHAPE, "Both legs of a VERTICAL_SPREAD are of one type and one expiry.")
        return
    if bought.strike == sold.strike or bought.multiplier != sold.multiplier:
        yield Problem(Code.WRONG_SHAPE, "The legs of a VERTICAL_SPREAD have two strikes and one multiplier.")
        return
    # Of calls as of puts: what is bought below what is sold wins when the price rises.
    direction = "LONG" if bought.strike < sold.strike else "SHORT"
    if idea.direction != direction:
        yield Problem(
            Code.WRONG_DIRECTION,
            f"This spread buys the {bought.strike:g} and sells the {sold.strike:g} {sold.contract_type}: "
            f"it is {direction}.",
        )


def _rules(idea: Idea, facts: Facts) -> Iterator[Problem]:
    """The rules that no advisor may break."""
    score = facts.structure.bc_score
    if score is None:
        return
    if score >= BC_EXIT and idea.action != "EXIT":
        yield Problem(Code.AGAINST_THE_RULES, f"A BC score of {BC_EXIT:g} or more is an EXIT, without exception.")
    elif score >= BC_CAUTION and idea.action == "OPEN" and idea.direction != "SHORT":
        yield Problem(Code.AGAINST_THE_RULES, f"With a BC score of {BC_CAUTION:g} or more nothing is bought.")


def _levels(idea: Idea, facts: Facts) -> Iterator[Problem]:
    close, levels = facts.close, {"stop_loss": idea.stop_loss, "profit_target": idea.profit_target}
    given = {name: level for name, level in levels.items() if level is not None}
    for name, level in given.items():
        if not math.isfinite(level) or not close / FARTHEST < level < close * FARTHEST:
            yield Problem(Code.WRONG_LEVELS, f"{name} is {level:g} with a close of {close:g}: that is no level.")
    if idea.direction == "NEUTRAL":
        return
    if idea.action in {"OPEN", "FORECAST"} and len(given) < len(levels):
        yield Problem(Code.WRONG_LEVELS, f"{idea.action} {idea.direction} needs stop_loss and profit_target.")
    side = 1 if idea.direction == "LONG" else -1
    order = "stop_loss < close < profit_target" if side == 1 else "profit_target < close < stop_loss"
    is_wrong = ("stop_loss" in given and not side * (close - given["stop_loss"]) > 0) or (
        "profit_target" in given and not side * (given["profit_target"] - close) > 0
    )
    if is_wrong:
        yield Problem(
            Code.WRONG_LEVELS,
            f"{idea.direction} means {order}; they are {idea.stop_loss}, {close:g} and {idea.profit_target}.",
        )


def _confidence(idea: Idea) -> Iterator[Problem]:
    if not 0 < idea.confidence < 1:
        yield Problem(
            Code.WRONG_CONFIDENCE, f"confidence is {idea.confidence}: it is a probability above 0 and below 1."
        )


def _prices(idea: Idea, positions: Sequence[Position]) -> Iterator[Problem]:
    """The legs' prices belong together: a spread costs or brings something, and less than it is wide."""
    paid = net_price(positions)
    if idea.strategy == "VERTICAL_SPREAD":
        bought, sold = (next(one.contract for one in positions if one.side == side) for side in ("BUY", "SELL"))
        width = abs(bought.strike - sold.strike)
        is_debit = (bought.strike < sold.strike) == (bought.contract_type == "call")
        value = paid if is_debit else -paid
        if not 0 < value < width:
            yield Problem(
                Code.WRONG_PRICE,
                f"The prices of the legs make {paid:g} for a spread that is {width:g} wide: "
                "one of them is stale. Take other strikes.",
            )
    elif idea.strategy == "CSP" and not 0 < -paid < positions[0].contract.strike:
        yield Problem(Code.WRONG_PRICE, f"A put of {positions[0].contract.strike:g} does not bring {-paid:g}.")


def _text(text: str) -> Iterator[Problem]:
    if len(text.strip()) < SHORTEST or len(text) > LONGEST:
        yield Problem(Code.WRONG_TEXT, f"The justification has {len(text)} characters; write {SHORTEST} to {LONGEST}.")
    # Control signs, invisible ones, halves of pairs: nothing that a reader does not see.
    if any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn"} for sign in text):
        yield Problem(Code.WRONG_TEXT, "The justification holds control or invisible characters; write one plain line.")


def _citations(idea: Idea, facts: Facts, positions: Sequence[Position], worth: Economics | None) -> Iterator[Problem]:
    found = list(uncited(idea.justification, facts, idea, positions, worth))
    for piece in found[:_EXAMPLES]:
        yield Problem(Code.NOT_IN_THE_FACTS, f"{shown(piece)}: no fact says this. Cite numbers and days as given.")


def _is_positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def shown(text: str, most: int = _SHOWN) -> str:
    """Text of an answer in a sentence: quoted, short and in plain signs."""
    return ascii(text if len(text) <= most else text[:most] + "...")
