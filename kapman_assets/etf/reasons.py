"""Why a feature is unknown.

Codes that mean the same as in `kapman_assets.options.reasons` have the same name there.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes of the ETF domain: the name is the code, the value says it to a reader."""

    NO_BAR = "the session has no usable bar of the symbol"
    SHORT_HISTORY = "fewer bars than the formula needs"
    GAP_IN_BARS = "a bar that the formula needs is missing inside the history"
    FLAT_HISTORY = "values of the window stand still, and the formula divides by their movement"
    NO_BENCHMARK = "the benchmark has no usable bar on a session that the formula needs"
    NO_COMPOSITE = "the composite is unknown on this session, or on the earlier one it is compared with"
    OTHER_COMPONENTS = "the composites of the two sessions are made of different components"


CODES: tuple[Reason, ...] = tuple(Reason)
"""Arrays of reasons hold the place in this tuple plus one; 0 is a known value."""


def code(reason: Reason) -> int:
    """The number that stands for a reason in an array."""
    return CODES.index(reason) + 1
