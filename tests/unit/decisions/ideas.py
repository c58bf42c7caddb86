"""Ideas and bars to judge, written by hand."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from kapman_assets.decisions.idea import Direction
from kapman_assets.decisions.judgement import Bars, Terms
from kapman_assets.decisions.option_result import HeldLeg
from kapman_assets.decisions.outcomes import Issued
from kapman_resources.sessions import session_offset

ISSUED = date(2026, 6, 1)
"""A Monday."""

LAST = session_offset(ISSUED, 20)
EXPIRY = date(2026, 7, 17)

Bar = tuple[float, float, float, float]
"""Open, high, low, close."""


def day(count: int) -> date:
    """The session so many after the one of issue."""
    return session_offset(ISSUED, count)


def terms(
    direction: Direction = "LONG",
    stop: float | None = 95.0,
    target: float | None = 110.0,
    last: date = LAST,
    *,
    expires: bool = False,
) -> Terms:
    """An idea at 100."""
    return Terms(ISSUED, direction, 100.0, stop, target, last, expires)


def bars(*values: Bar, days: Sequence[int] | None = None) -> Bars:
    """Bars of the sessions after that of issue, one after the other, or of those that are counted in `days`."""
    columns = np.array(values, dtype=float).reshape(-1, 4).T
    counts = range(1, len(values) + 1) if days is None else days
    return Bars([day(count) for count in counts], *columns)


def flat(count: int, price: float = 101.0) -> list[Bar]:
    """Bars on which nothing happens."""
    return [(price, price + 1, price - 1, price)] * count


def leg(side: str = "BUY", strike: float = 100.0, price: float = 4.0, contract_type: str = "call") -> HeldLeg:
    """A contract of July."""
    name = f"O:X260717{contract_type[0].upper()}{round(strike * 1000):08d}"
    return HeldLeg(name, side, 1, contract_type, strike, EXPIRY, 100.0, price)  # type: ignore[arg-type]


def issued(
    what: Terms, *legs: HeldLeg, action: str = "OPEN", confidence: float = 0.7, max_loss: float | None = 400.0
) -> Issued:
    """A stored recommendation with a band of 2 %."""
    return Issued(1, action, what, 0.02, confidence, max_loss, legs)
