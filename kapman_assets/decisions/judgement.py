"""How an idea ends on the bars that follow it: when, why, at which price. What that is worth is said in `scoring`.

Rules, in this order, on bars in the shares of the session of issue:

1. It is entered at the open of the first bar after the session of issue. An open at or beyond its stop or target
   leaves nothing to enter: VOID.
2. Of each bar from the entry on, the open is looked at first: at or beyond the stop it ends there (STOP), at or beyond
   the target likewise (TARGET); these are gaps, and the price is the open. Then the rest of the bar: a low at or
   under the stop ends it at the stop, otherwise a high at or over the target at the target. A bar that holds both
   counts as stopped, since nothing tells which came first.
3. The close of its last session ends it: EXPIRY where that is the last one of its first contract, HORIZON otherwise.
4. Without a bar in the last session (a halt) it ends at the open of the next bar, up to `PATIENCE` sessions later.
5. After that it ends at the last close there was: NO_BARS. A name that was delisted ends like this. Without any bar up
   to the last session nothing was entered.

A level counts only on its own side of the entry price, stop behind and target ahead: a NEUTRAL idea has neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kapman_assets.decisions.idea import Direction
from kapman_resources.sessions import session_offset, sessions_between

Floats = npt.NDArray[np.float64]

PATIENCE = 5
"""Sessions that a halted name is waited for after its last one."""


class ExitReason(StrEnum):
    """Why an idea ended."""

    TARGET = "TARGET"
    STOP = "STOP"
    EXPIRY = "EXPIRY"
    HORIZON = "HORIZON"
    VOID = "VOID"
    NO_BARS = "NO_BARS"


@dataclass(frozen=True)
class Terms:
    """What was fixed at issue.

    Attributes:
        issued: session of issue.
        direction: LONG, SHORT or NEUTRAL.
        entry_price: close of that session, USD a share.
        stop_loss, profit_target: USD a share; None where there is none.
        last_session: of the judgement.
        expires: whether that is the last session of its first contract.
    """

    issued: date
    direction: Direction
    entry_price: float
    stop_loss: float | None
    profit_target: float | None
    last_session: date
    expires: bool


class Bars(NamedTuple):
    """Bars of one name after the session of issue, ascending, one length; USD a share, in that session's shares."""

    date: Sequence[date]
    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True)
class Ending:
    """How it ended.

    Attributes:
        session: in which that was known; nothing later is used.
        reason: why.
        entry_session, entry_price: None if no bar came; there for a VOID one too.
        exit_price: USD a share; None if it was never entered.
        favourable, adverse: largest move for and against a LONG or SHORT idea while held, as a share of the entry
            price, >= 0; None if it was never entered or is NEUTRAL.
        sessions_held: from the entry to `session`, both counted; None if it was never entered.
    """

    session: date
    reason: ExitReason
    entry_session: date | None = None
    entry_price: float | None = None
    exit_price: float | None = None
    favourable: float | None = None
    adverse: float | None = None
    sessions_held: int | None = None


class Held(NamedTuple):
    """An idea that has not ended: its entry, None until there is one, and the largest moves since."""

    entry_session: date | None = None
    entry_price: float | None = None


class _Exit(NamedTuple):
    bar: int
    price: float
    reason: ExitReason
    is_at_open: bool


def judge(terms: Terms, bars: Bars, as_of: date) -> Ending | Held:
    """Judge an idea on what is known at a session.

    Args:
        terms: of the idea.
        bars: all there are after the session of issue, up to `as_of` at least; later ones change nothing.
        as_of: the session.
    """
    deadline = session_offset(terms.last_session, PATIENCE)
    known = sum(day <= min(as_of, deadline) for day in bars.date)
    alive = sum(day <= terms.last_session for day in bars.date[:known])
    if not alive:
        return Ending(deadline, ExitReason.NO_BARS) if as_of >= deadline else Held()
    entered, price = bars.date[0], float(bars.open[0])
    stop, target = levels(terms)
    if _is_beyond(price, stop) or _is_beyond(price, target):
        return Ending(entered, ExitReason.VOID, entered, price)
    end = _touched(bars, alive, stop, target) or _last(terms, bars, alive, known)
    if end is None and as_of < deadline:
        return Held(entered, price)
    if end is None:
        end = _Exit(alive - 1, float(bars.close[alive - 1]), ExitReason.NO_BARS, is_at_open=False)
    session = deadline if end.reason is ExitReason.NO_BARS else bars.date[end.bar]
    favourable, adverse = _excursions(terms.direction, bars, price, end)
    return Ending(
        session=session,
        reason=end.reason,
        entry_session=entered,
        entry_price=price,
        exit_price=end.price,
        favourable=favourable,
        adverse=adverse,
        sessions_held=len(sessions_between(entered, session)),
    )


class Level(NamedTuple):
    """A price that ends an idea, and whether that is from above (1: at or over it) or below (-1)."""

    price: float
    side: int


def levels(terms: Terms) -> tuple[Level | None, Level | None]:
    """Stop and target as they count."""
    ahead = {"LONG": 1, "SHORT": -1, "NEUTRAL": 0}[terms.direction]
    return _level(terms.stop_loss, -ahead, terms.entry_price), _level(terms.profit_target, ahead, terms.entry_price)


def _level(price: float | None, side: int, entry: float) -> Level | None:
    return Level(price, side) if price is not None and (price - entry) * side > 0 else None


def _is_beyond(price: float, level: Level | None) -> bool:
    return level is not None and (price - level.price) * level.side >= 0


def _touched(bars: Bars, count: int, stop: Level | None, target: Level | None) -> _Exit | None:
    """The first of `count` bars that ends it at a level."""
    for bar in range(count):
        opened = float(bars.open[bar])
        for level, reason in ((stop, ExitReason.STOP), (target, ExitReason.TARGET)):
            if _is_beyond(opened, level):
                return _Exit(bar, opened, reason, is_at_open=True)
        for level, reason in ((stop, ExitReason.STOP), (target, ExitReason.TARGET)):
            if level is not None and _is_beyond(float((bars.high if level.side > 0 else bars.low)[bar]), level):
                return _Exit(bar, level.price, reason, is_at_open=False)
    return None


def _last(terms: Terms, bars: Bars, alive: int, known: int) -> _Exit | None:
    """The end of its time: the last session's close, or the first open after it."""
    reason = ExitReason.EXPIRY if terms.expires else ExitReason.HORIZON
    if bars.date[alive - 1] == terms.last_session:
        return _Exit(alive - 1, float(bars.close[alive - 1]), reason, is_at_open=False)
    return _Exit(alive, float(bars.open[alive]), reason, is_at_open=True) if known > alive else None


def _excursions(direction: Direction, bars: Bars, entry: float, end: _Exit) -> tuple[float | None, float | None]:
    """Largest moves for and against.

    Of the bar that ends it at its open or at its stop, the price of the exit alone counts: what came before the stop
    in that bar is not known. Of the one that reaches the target, what went against it counts too.
    """
    if direction == "NEUTRAL":
        return None, None
    whole = end.bar if end.is_at_open or end.reason is ExitReason.STOP else end.bar + 1
    high = max(entry, end.price, *bars.high[:whole])
    low = min(entry, end.price, *bars.low[:whole])
    if end.reason is ExitReason.TARGET:
        # Beyond the target it was no longer held.
        high, low = (min(high, max(end.price, entry)), low) if direction == "LONG" else (high, max(low, end.price))
    up, down = float(high / entry - 1), float(1 - low / entry)
    return (up, down) if direction == "LONG" else (down, up)
