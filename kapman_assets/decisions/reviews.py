"""What a session says of an idea that is open in it: hold, tighten, or close. Plain values; the rules of v2.0 §15.4.

Rules look at the session's facts and at the bars since the issue, at no review before, and are the same whoever had the
idea. Outcomes do not depend on them: an idea is judged on the terms it was issued with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from kapman_assets.decisions.judgement import Bars, Ending, Held, Terms, levels
from kapman_assets.decisions.option_result import OptionResult
from kapman_assets.decisions.outcome_reasons import Reason
from kapman_assets.decisions.outcomes import Issued, Row
from kapman_assets.wyckoff.parameters import SignalRules
from kapman_resources.sessions import sessions_between

BC_CRITICAL, BC_WARNING = SignalRules.bc_critical, SignalRules.bc_caution
"""Buying-climax scores (of 28) at which a long idea is closed, or its stop tightened."""

LEAST_DTE = 7
"""Calendar days to expiry below which contracts are closed: decay and gamma of the last week are another trade."""

TARGET_SHARE = 0.5
"""Share of the way to the target at which the stop goes to the entry."""

REVIEWED = ("OPEN", "FORECAST")
"""Actions that can be held; EXIT and CAUTION speak of what is held already."""

_OPPOSITE = {"LONG": "EXIT_CRITICAL", "SHORT": "ENTRY_SIGNAL"}


class Verdict(StrEnum):
    """What to do, the mildest first."""

    HOLD = "HOLD"
    TIGHTEN = "TIGHTEN"
    CLOSE = "CLOSE"


@dataclass(frozen=True)
class Signals:
    """What a session's Wyckoff reading says of a name; empty where there is none."""

    bc_score: int | None = None
    events: frozenset[str] = frozenset()
    signal_type: str | None = None


class _Said(NamedTuple):
    verdict: Verdict
    code: str
    text: str


_ENDED = {
    "STOP": "The stop was reached.",
    "TARGET": "The target was reached.",
    "HORIZON": "The horizon is over.",
    "EXPIRY": "It was the last session of the first contract.",
    "VOID": "The entry session opened at or beyond the stop or the target: nothing is to be entered.",
    "NO_BARS": "The name is not traded any more.",
}


def review_row(
    issued: Issued, session: date, *, found: Ending | Held, bars: Bars, signals: Signals, option: OptionResult
) -> Row:
    """The row of `recommendation_reviews` for an idea that is open in a session, or ends in it.

    Args:
        issued: the idea.
        session: XNYS session.
        found: what `judge` says of it at the session.
        bars: after the session of issue up to the session, in the shares of the session of issue.
        signals: of it.
        option: result of its contracts at the end of the session.
    """
    terms = issued.terms
    entry = None if isinstance(found, Ending) and found.exit_price is None else found.entry_price
    price = float(bars.close[-1]) if bars.date and bars.date[-1] == session else None
    dte = min(((leg.expiration_date - session).days for leg in issued.legs), default=None)
    said = [*_ended(found), *_read(terms, signals), *_expiring(dte), *_half_way(terms, entry, bars)]
    ahead = {"LONG": 1, "SHORT": -1}.get(terms.direction)
    row: Row = {
        "date": session,
        "ticker_id": issued.ticker_id,
        "issued": terms.issued,
        "verdict": max((one.verdict for one in said), key=list(Verdict).index, default=Verdict.HOLD).value,
        "reasons": [{"code": one.code, "text": one.text} for one in said],
        "price": price,
        "signed_return": ahead * (price / entry - 1) if ahead and entry and price else None,
        "stop_loss": _stop(terms, entry, bars, price) if _is_tightened(said) else terms.stop_loss,
        "option_pnl": None if entry is None else option.pnl,
        "sessions_held": len(sessions_between(terms.issued, session)) - 1,
        "dte": dte,
    }
    why = {
        "price": Reason.NO_BAR,
        "signed_return": Reason.NOT_ENTERED if not entry else Reason.NO_BAR if not price else Reason.NO_DIRECTION,
        "stop_loss": Reason.NO_STOP,
        "option_pnl": Reason.NOT_ENTERED if entry is None and issued.legs else option.reason,
        "dte": Reason.NO_LEGS,
    }
    reasons = {column: reason.name for column, reason in why.items() if row[column] is None and reason is not None}
    return row | {"null_reasons": reasons}


def _ended(found: Ending | Held) -> Iterator[_Said]:
    if isinstance(found, Ending):
        yield _Said(Verdict.CLOSE, found.reason.value, _ENDED[found.reason.value])


def _read(terms: Terms, signals: Signals) -> Iterator[_Said]:
    """What the structure says: a climax or weakness speaks against everything but a SHORT idea."""
    score = signals.bc_score
    if terms.direction != "SHORT" and score is not None and score >= BC_CRITICAL:
        yield _Said(Verdict.CLOSE, "BC_CRITICAL", f"The buying-climax score is {score}, at or over {BC_CRITICAL:g}.")
    elif terms.direction != "SHORT" and score is not None and score >= BC_WARNING:
        yield _Said(Verdict.TIGHTEN, "BC_WARNING", f"The buying-climax score is {score}, at or over {BC_WARNING:g}.")
    if signals.signal_type is not None and signals.signal_type == _OPPOSITE.get(terms.direction):
        text = f"The signal of the session, {signals.signal_type}, speaks against {terms.direction}."
        yield _Said(Verdict.CLOSE, "OPPOSITE_SIGNAL", text)
    if terms.direction != "SHORT" and "SOW" in signals.events:
        yield _Said(Verdict.TIGHTEN, "SOW", "A sign of weakness is active.")


def _expiring(dte: int | None) -> Iterator[_Said]:
    if dte is not None and dte < LEAST_DTE:
        text = f"The first contract expires in {dte} days, fewer than {LEAST_DTE}."
        yield _Said(Verdict.CLOSE, "NEAR_EXPIRY", text)


def _half_way(terms: Terms, entry: float | None, bars: Bars) -> Iterator[_Said]:
    """Once a close is half-way to the target the stop belongs at the entry; a later return to there closes it."""
    _, target = levels(terms)
    if entry is None or target is None:
        return
    half = entry + TARGET_SHARE * (target.price - entry)
    reached = np.flatnonzero((bars.close - half) * target.side >= 0)
    if not len(reached):
        return
    day = bars.date[reached[0]]
    later = (bars.low if target.side > 0 else bars.high)[reached[0] + 1 :]
    if ((later - entry) * target.side <= 0).any():
        text = f"It came back to its entry at {entry:.2f} after it closed half-way to its target on {day}."
        yield _Said(Verdict.CLOSE, "BACK_AT_ENTRY", text)
    else:
        yield _Said(Verdict.TIGHTEN, "HALF_TARGET", f"It closed half-way to its target at {half:.2f} on {day}.")


def _is_tightened(said: list[_Said]) -> bool:
    return any(one.verdict is Verdict.TIGHTEN for one in said)


def _stop(terms: Terms, entry: float | None, bars: Bars, price: float | None) -> float | None:
    """Where a tightened stop belongs: at the entry if the close has gained on it, else behind the session's bar."""
    stop, _ = levels(terms)
    if stop is None or entry is None or price is None:
        return terms.stop_loss
    if (entry - price) * stop.side > 0:
        return entry
    behind = float((bars.high if stop.side > 0 else bars.low)[-1])
    return behind if (stop.price - behind) * stop.side > 0 else stop.price
