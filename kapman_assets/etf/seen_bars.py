"""Which bars a session sees, to tell why a value is unknown."""

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from kapman_assets.etf.reasons import Reason, code
from kapman_assets.etf.windows import Bools, Floats

Codes: TypeAlias = npt.NDArray[np.uint8]
"""Reasons by `reasons.code`."""

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class SeenBars:
    """Which sessions have bars, to tell why a value is unknown.

    Attributes:
        usable: sessions with a bar of the symbol, all of the panel.
        benchmark: closes of the benchmark, NaN without one, likewise.
        starts: for each asked session, position of the first that it sees.
        count: how many are asked for.
    """

    usable: Bools
    benchmark: Floats
    starts: npt.NDArray[np.int64]
    count: int

    def why(self, values: Floats, *reasons: tuple[Bools | bool, Reason]) -> Codes:
        """The code of the first reason that holds where a value is NaN, 0 where it is known."""
        known = ~np.isnan(values)
        if known.all():
            return np.zeros(self.count, dtype=np.uint8)
        conditions = [known, ~last_of(self.usable, self.count)]
        choices = [0, code(Reason.NO_BAR)]
        for condition, reason in reasons:
            conditions.append(np.broadcast_to(condition, self.count))
            choices.append(code(reason))
        return np.select(conditions, choices, 0).astype(np.uint8)

    def has_one_before(self, sessions: int) -> Bools:
        """Where the symbol has a bar at least so many sessions before, in what the session sees."""
        before = np.concatenate(([0], self.usable.cumsum()))
        ends = np.arange(len(self.usable) - self.count, len(self.usable)) - sessions + 1
        return before[np.maximum(ends, self.starts)] > before[self.starts]

    def lacks_at(self, sessions: int) -> Bools:
        """Where the session so many before has no bar of the symbol."""
        places = np.arange(len(self.usable) - self.count, len(self.usable)) - sessions
        return (places < 0) | ~self.usable[np.maximum(places, 0)]


def last_of(values: npt.NDArray[_T], count: int) -> npt.NDArray[_T]:
    """The last `count` values."""
    return values[len(values) - count :]
