"""The advisor that needs no model: the decision rules of architecture v2.0 §15.4 as plain code, alike for ever.

It makes ideas of facts and holds them against the same checks as anybody's. Every number that it goes by is in
`RuleParameters`; a changed one makes another version. Its confidence is what chance alone would give these levels
(`chance`) and named terms, which are modest: what recorded prices say of the signals (`docs/replay.md`) allows no more.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from kapman_assets.decisions.chance import chance_right
from kapman_assets.decisions.contracts import Choice, choose
from kapman_assets.decisions.economics import Position, reward_to_risk
from kapman_assets.decisions.facts import Facts
from kapman_assets.decisions.idea import Direction, Idea, Leg, Strategy
from kapman_assets.decisions.validation import BC_CAUTION, BC_EXIT, Checked, check
from kapman_resources.errors import KapmanError

MODEL = "rules-advisor"

_SESSIONS_PER_YEAR = 252
_MOST_PLACES = 10
_FALLING_REGIMES = frozenset({"DIST", "MARKDOWN"})

_PLACES = ((10.0, 2), (0.1, 4), (0.0, 8))
"""Decimals of levels, by the least close that they are for."""

Case = Literal["STRONG", "SETUP", "BREAKOUT", "EARLY", "WEAKNESS", "WARNING", "CLIMAX", "EXIT"]
"""What §15.4 makes of a signal: spring and strength; a scored spring; strength alone; a spring alone; a confirmed
weakness in a falling regime; any other weakness; a climax that warns; one that ends it."""


_WITHOUT_LEVELS = frozenset({"EXIT", "CLIMAX", "WARNING"})
"""Cases of what is held and not of a trade: judged at the horizon."""


@dataclass(frozen=True)
class RuleParameters:
    """Every threshold of the rules.

    Attributes:
        spring_setup: spring score of a setup.
        bc_no_entry: buying climax score from which nothing is entered.
        least_reward_to_risk: way to the target over way to the stop from which an idea is worth a trade.
        stop_least_atr, stop_most_atr, stop_tight_atr: way to the stop in average true ranges: least, most, and the most
            of a breakout or a breakdown.
        stop_cushion_atr: how far beyond the level that it rests on a stop lies.
        least_way: of the close, the least way to a stop or a target: a name that hardly moves has levels all the same.
        unknown_daily_move: of the close, where neither range nor volatility is known.
        target_most_deviations: the farthest target, in standard deviations over the horizon.
        target_open_deviations: the target where no level stands in the way.
        low_iv_rank, high_iv_rank: below the one options are bought outright, from the other they are sold.
        long_delta, debit_delta, debit_wing_delta, credit_delta, credit_wing_delta, put_delta: absolute deltas of the
            legs of bought options, bought and sold spreads, and secured puts.
        long_dte, spread_dte: calendar days to expiry.
        delta_slack, equal_deltas, least_interest: see `contracts.Choice`.
        most_put_capital: USD that a secured put may set aside.
        least_debit_reward, least_credit_reward: most gain over most loss of bought and sold spreads.
        edge: by case, what is added to the chance that stop, target and horizon alone give.
        with_trend, with_momentum, with_strong_trend, with_dealers: added where SMA50, MACD, ADX or dealers agree.
        of_evidence: added for a composite score of 1.
        against_event: added where an active event speaks against the idea.
        of_partial_data: added where the snapshot is not complete.
        strong_adx: average directional index of a strong trend.
        least_confidence, most_confidence: bounds of the sum.
    """

    spring_setup: float = 9
    bc_no_entry: float = 12
    least_reward_to_risk: float = 1.5
    stop_least_atr: float = 1.0
    stop_most_atr: float = 3.0
    stop_tight_atr: float = 1.5
    stop_cushion_atr: float = 0.25
    least_way: float = 0.005
    unknown_daily_move: float = 0.02
    target_most_deviations: float = 2.0
    target_open_deviations: float = 1.5
    low_iv_rank: float = 30
    high_iv_rank: float = 60
    long_delta: float = 0.60
    debit_delta: float = 0.55
    debit_wing_delta: float = 0.28
    credit_delta: float = 0.30
    credit_wing_delta: float = 0.15
    put_delta: float = 0.30
    long_dte: int = 60
    spread_dte: int = 45
    delta_slack: float = 0.12
    equal_deltas: float = 0.04
    least_interest: int = 10
    most_put_capital: float = 25_000
    least_debit_reward: float = 0.8
    least_credit_reward: float = 0.2
    edge: tuple[tuple[Case, float], ...] = (
        ("STRONG", 0.08),
        ("SETUP", 0.06),
        ("BREAKOUT", 0.03),
        ("EARLY", 0.03),
        ("WEAKNESS", 0.03),
        ("WARNING", 0.02),
        ("CLIMAX", 0.02),
        ("EXIT", 0.05),
    )
    with_trend: float = 0.02
    with_momentum: float = 0.02
    with_strong_trend: float = 0.01
    with_dealers: float = 0.01
    of_evidence: float = 0.04
    against_event: float = -0.04
    of_partial_data: float = -0.01
    strong_adx: float = 25
    least_confidence: float = 0.05
    most_confidence: float = 0.75

    @property
    def version(self) -> str:
        """Name of this set."""
        return f"rules-{hashlib.sha256(self.to_json().encode()).hexdigest()[:8]}"

    def to_json(self) -> str:
        """The parameters as a JSON object."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Proposal:
    """What the rules say of a name.

    Attributes:
        checked: the idea, without problems.
        no_trade_reason: code of why it is no trade; None where it is one.
        refused: ideas that were better and did not pass a check.
    """

    checked: Checked
    no_trade_reason: str | None
    refused: tuple[Checked, ...] = ()


@dataclass(frozen=True)
class _View:
    """A direction with its levels."""

    case: Case
    direction: Direction
    stop: float
    target: float
    ratio: float
    confidence: float


def propose(facts: Facts, parameters: RuleParameters | None = None) -> Proposal:
    """The best idea that passes every check: a trade if there is one worth taking, else a forecast.

    Raises:
        KapmanError: not even a forecast passes: the rules and the checks contradict each other.
    """
    p = parameters or RuleParameters()
    case = case_of(facts, p)
    view = _view(facts, case, p)
    reason = _no_trade(facts, view, p)
    refused: list[Checked] = []
    if reason is None:
        reason = "NO_FITTING_CONTRACT"
        for idea, is_worth in _trades(facts, view, p):
            checked = check(idea, facts)
            if checked.problems:
                refused.append(checked)
            elif is_worth(checked):
                return Proposal(checked, None, tuple(refused))
    checked = check(_forecast(facts, view, reason), facts)
    if checked.problems:
        found = "; ".join(problem.sentence for problem in checked.problems)
        raise KapmanError(f"{facts.symbol} {facts.session}: the rules' own forecast does not pass the checks: {found}")
    return Proposal(checked, reason, tuple(refused))


def case_of(facts: Facts, parameters: RuleParameters) -> Case:
    """What §15.4 makes of the signal."""
    score, spring = facts.structure.bc_score, facts.structure.spring_score
    if facts.signal.type == "EXIT_CRITICAL" or (score is not None and score >= BC_EXIT):
        return "EXIT"
    if score is not None and score >= BC_CAUTION:
        return "CLIMAX"
    if facts.signal.type == "EXIT_WARNING":
        is_falling = facts.structure.regime in _FALLING_REGIMES and facts.event("SOW") is not None
        return "WEAKNESS" if is_falling else "WARNING"
    if facts.event("SPRING") and facts.event("SOS"):
        return "STRONG"
    if spring is not None and spring >= parameters.spring_setup:
        return "SETUP"
    return "BREAKOUT" if facts.event("SOS") else "EARLY"


def _no_trade(facts: Facts, view: _View, p: RuleParameters) -> str | None:
    """Why there is no trade, whatever the chain holds."""
    score = facts.structure.bc_score
    if view.case in _WITHOUT_LEVELS:
        return "NOT_A_TRADE"
    if view.direction == "LONG" and (score is None or score >= p.bc_no_entry):
        return "CLIMAX_NOT_EXCLUDED"
    if facts.no_trade_reason is not None:
        return facts.no_trade_reason
    return "REWARD_TOO_SMALL" if view.ratio < p.least_reward_to_risk else None


# Levels


def _view(facts: Facts, case: Case, p: RuleParameters) -> _View:
    side = 1 if case in {"STRONG", "SETUP", "BREAKOUT", "EARLY"} else -1
    close, deviation = facts.close, _deviation(facts, p)
    stop = close - side * _way_to_stop(facts, case, side, p)
    risk = side * (close - stop)
    target = close + side * _way_to_target(facts, side, risk, deviation, p)
    places = next(places for least, places in _PLACES if close >= least)
    stop, target = round(stop, places), round(target, places)
    ratio = reward_to_risk(close, stop, target) or 0.0
    direction: Direction = "LONG" if side == 1 else "SHORT"
    has_levels = case not in _WITHOUT_LEVELS
    ways = (side * (close - stop), side * (target - close)) if has_levels else (math.inf, math.inf)
    chance = chance_right(*ways, facts.neutral_band * close, deviation)
    return _View(case, direction, stop, target, ratio, _confidence(facts, case, side, chance, p))


def _atr(facts: Facts, p: RuleParameters) -> float:
    """Average true range, USD; from the volatility, or as a share of the close, where it is unknown."""
    known = facts.indicators.atr_14
    if known:
        return known
    hv = facts.volatility.hv_20
    return facts.close * (hv / math.sqrt(_SESSIONS_PER_YEAR) if hv else p.unknown_daily_move)


def _deviation(facts: Facts, p: RuleParameters) -> float:
    """One standard deviation over the horizon, USD."""
    hv = facts.volatility.hv_20
    daily = hv / math.sqrt(_SESSIONS_PER_YEAR) if hv else _atr(facts, p) / facts.close
    return facts.close * daily * math.sqrt(facts.horizon_sessions)


def _way_to_stop(facts: Facts, case: Case, side: int, p: RuleParameters) -> float:
    """USD from the close to the stop: beyond the level that proves the idea wrong, within bounds."""
    structure, atr = facts.structure, _atr(facts, p)
    is_break = case in {"BREAKOUT", "WEAKNESS"}
    spring = facts.event("SPRING")
    if is_break:
        # What was broken must hold from the other side.
        level = structure.resistance if side == 1 else structure.support
    elif side == 1:
        level = spring.price_level if spring else structure.support
    else:
        level = structure.resistance
    most = p.stop_tight_atr if is_break else p.stop_most_atr
    way = most * atr if level is None else side * (facts.close - level) + p.stop_cushion_atr * atr
    # Not so far that the level would be no price.
    bounded = min(max(way, p.stop_least_atr * atr), most * atr, facts.close / 2)
    return max(bounded, p.least_way * facts.close)


def _way_to_target(facts: Facts, side: int, risk: float, deviation: float, p: RuleParameters) -> float:
    """USD from the close to the target: the nearest level that pays for the risk, else the farthest there is."""
    structure = facts.structure
    near, far = (structure.resistance, structure.support) if side == 1 else (structure.support, structure.resistance)
    wall = facts.dealer.call_wall if side == 1 else facts.dealer.put_wall
    # Out of the range the method counts its height beyond the border.
    counted = None if near is None or far is None else near + (near - far)
    ways = sorted(
        side * (level - facts.close)
        for level in (near, wall, counted)
        if level is not None and side * (level - facts.close) > 0
    )
    least, most = p.least_way * facts.close, min(p.target_most_deviations * deviation, facts.close / 2)
    if not ways:
        return max(min(p.target_open_deviations * deviation, most), least)
    paying = [way for way in ways if way >= p.least_reward_to_risk * risk]
    return max(min(paying[0] if paying else ways[-1], most), least)


# Confidence


def _confidence(facts: Facts, case: Case, side: int, chance: float, p: RuleParameters) -> float:
    i, d = facts.indicators, facts.dealer
    total = chance + dict(p.edge)[case]
    total += p.with_trend * _agrees(i.price_vs_sma50, side)
    total += p.with_momentum * _agrees(i.macd_histogram, side)
    total += p.with_strong_trend * (i.adx_14 is not None and i.adx_14 >= p.strong_adx)
    total += p.with_dealers * _agrees(d.dgpi, side)
    total += p.of_evidence * (facts.structure.composite_score or 0.0) * (side == 1)
    total += p.against_event * (facts.event(*(("SOW", "BC") if side == 1 else ("SPRING", "SOS"))) is not None)
    total += p.of_partial_data * (facts.data_quality != "complete")
    return round(min(max(total, p.least_confidence), p.most_confidence), 3)


def _agrees(value: float | None, side: int) -> bool:
    return value is not None and side * value > 0


# Trades

_Recipe = tuple[Strategy, bool, Choice, float | None]
"""A strategy, whether it sells options, what it looks for, and the least gain over loss of a spread."""


class _IsWorth:
    """Whether a checked trade brings enough for what it risks, and breaks even before its target."""

    def __init__(self, view: _View, least: float | None, *, is_bought: bool) -> None:
        self._view, self._least, self._is_bought = view, least, is_bought

    def __call__(self, checked: Checked) -> bool:
        worth = checked.worth
        if worth is None or worth.max_loss is None or not worth.max_loss > 0:
            return False
        if self._least is not None and (worth.reward_to_risk or 0.0) < self._least:
            return False
        side = 1 if self._view.direction == "LONG" else -1
        return not self._is_bought or all(side * (self._view.target - point) > 0 for point in worth.break_evens)


def _trades(facts: Facts, view: _View, p: RuleParameters) -> Iterator[tuple[Idea, _IsWorth]]:
    """Trades from the one that the price of options speaks for to the ones that would do."""
    rank = facts.volatility.iv_rank
    outright: Strategy = "LONG_CALL" if view.direction == "LONG" else "LONG_PUT"
    bought: _Recipe = (outright, False, Choice(p.long_delta, None, p.long_dte, *_of(p)), None)
    debit: _Recipe = (
        "VERTICAL_SPREAD",
        False,
        Choice(p.debit_delta, p.debit_wing_delta, p.spread_dte, *_of(p)),
        p.least_debit_reward,
    )
    credit: _Recipe = (
        "VERTICAL_SPREAD",
        True,
        Choice(p.credit_delta, p.credit_wing_delta, p.spread_dte, *_of(p)),
        p.least_credit_reward,
    )
    secured: _Recipe = ("CSP", True, Choice(p.put_delta, None, p.spread_dte, *_of(p)), None)
    if rank is not None and rank < p.low_iv_rank:
        order = [bought, debit]
    elif rank is not None and rank >= p.high_iv_rank:
        order = [secured, credit, debit] if view.direction == "LONG" else [credit, debit]
    else:
        order = [debit, bought]
    for strategy, is_credit, choice, least in order:
        legs = choose(facts.contracts, strategy, view.direction, choice, is_credit=is_credit)
        if legs is None or (strategy == "CSP" and _put_capital(facts, legs) > p.most_put_capital):
            continue
        idea = Idea(
            action="OPEN",
            direction=view.direction,
            strategy=strategy,
            legs=legs,
            stop_loss=view.stop,
            profit_target=view.target,
            confidence=view.confidence,
            justification=" ".join((_why(facts, view), _levels(facts, view), _which(facts, legs, is_credit=is_credit))),
        )
        yield idea, _IsWorth(view, least, is_bought=not is_credit)


def _of(p: RuleParameters) -> tuple[float, float, int]:
    return p.delta_slack, p.equal_deltas, p.least_interest


def _put_capital(facts: Facts, legs: tuple[Leg, ...]) -> float:
    contract = facts.contract(legs[0].contract)
    return math.inf if contract is None else contract.strike * contract.multiplier


def _forecast(facts: Facts, view: _View, reason: str) -> Idea:
    """The same view without a trade; of an exit or a warning, what to do with what is held."""
    action: Literal["EXIT", "CAUTION", "FORECAST"] = (
        "EXIT" if view.case == "EXIT" else "CAUTION" if view.case in {"CLIMAX", "WARNING"} else "FORECAST"
    )
    has_levels = action == "FORECAST"
    parts = [_why(facts, view), _levels(facts, view) if has_levels else _ADVICE[action]]
    if has_levels:
        parts.append(_REASONS.get(reason, "No trade: no contract of the session's chain can be traded."))
    return Idea(
        action=action,
        direction=view.direction,
        stop_loss=view.stop if has_levels else None,
        profit_target=view.target if has_levels else None,
        confidence=view.confidence,
        justification=" ".join(parts),
    )


# Words

_CASES: dict[Case, str] = {
    "STRONG": "a spring with a sign of strength, the strong entry",
    "SETUP": "a well scored spring, an entry setup",
    "BREAKOUT": "a sign of strength without a spring, a breakout that wants a tight stop",
    "EARLY": "a spring that waits for its sign of strength",
    "WEAKNESS": "a confirmed sign of weakness in a falling structure",
    "WARNING": "a warning of distribution",
    "CLIMAX": "a buying climax in the making",
    "EXIT": "a buying climax",
}
_ADVICE = {
    "EXIT": "Close every position in the name.",
    "CAUTION": "Open nothing, reduce what is held and tighten its stops.",
}
_REASONS = {
    "CLIMAX_NOT_EXCLUDED": "No trade: the climax score speaks against an entry or is unknown.",
    "REWARD_TOO_SMALL": "No trade: the way to the target does not pay for the way to the stop.",
    "NO_FITTING_CONTRACT": "No trade: no contract fits in delta, expiry, open interest and price.",
    "NO_CHAIN": "No trade: there is no chain of the session.",
}


def _why(facts: Facts, view: _View) -> str:
    s, parts = facts.structure, []
    names = {
        "LONG": ("SPRING", "SOS"),
        "SHORT": ("BC",) if view.case in {"EXIT", "CLIMAX"} else ("SOW",),
        "NEUTRAL": (),
    }[view.direction]
    for name in names:
        event = facts.event(name)
        if event is not None:
            parts.append(f"{name} confirmed on {event.confirmed_date.isoformat()} at {_number(event.price_level, 2)}")
    for title, score in (("spring score", s.spring_score), ("BC score", s.bc_score)):
        if score is not None:
            parts.append(f"{title} {score}")
    regime = f" in regime {s.regime}" if s.regime != "UNKNOWN" else ""
    told = f": {', '.join(parts)}" if parts else ""
    return f"{facts.signal.type}{regime}, {_CASES[view.case]}{told}."


def _levels(facts: Facts, view: _View) -> str:
    return (
        f"From a close of {_number(facts.close, 2)} the stop is {_number(view.stop, 2)} and the target "
        f"{_number(view.target, 2)}, a reward to risk of {_number(view.ratio, 2)}."
    )


def _which(facts: Facts, legs: tuple[Leg, ...], *, is_credit: bool) -> str:
    rank = facts.volatility.iv_rank
    words = "sold options" if is_credit else "bought options"
    why = f"IV rank {_number(rank, 1)}: {words}. " if rank is not None else "IV rank unknown: a limited risk. "
    told = []
    for position in (Position(c, leg.side) for leg in legs if (c := facts.contract(leg.contract)) is not None):
        c = position.contract
        delta = "" if c.delta is None else f" with delta {_number(c.delta, 2)}"
        told.append(
            f"{position.side} the {c.strike:g} {c.contract_type} of {c.expiration_date.isoformat()}{delta} "
            f"and open interest {c.open_interest}"
        )
    return why + "; ".join(told) + "."


def _number(value: float, places: int) -> str:
    """A number with so many decimals, and with more where they would change it by a hundredth."""
    while places < _MOST_PLACES and abs(round(value, places) - value) > 0.01 * abs(value):
        places += 1
    return f"{value:.{places}f}"
