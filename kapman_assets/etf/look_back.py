"""How much of the past a session's row sees.

Averages that decay depend on where they begin. They begin where decision 006 says
for every indicator of the project, so that an RSI here is the RSI there, and one session alone gives the same row as
the whole history.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

import numpy as np

from kapman_assets.technicals.history import history_start
from kapman_resources.sessions import session_offset

LONGEST_WINDOW = 252
LONGEST_CHANGE = 5
"""A row compares its composite with the one so many sessions before."""

SESSIONS_BEFORE = LONGEST_WINDOW - 1 + LONGEST_CHANGE
"""A row sees the indicators of so many sessions before it."""


class Span(NamedTuple):
    """Sessions whose indicators begin at the same one, as positions in a list of sessions.

    Attributes:
        start: the first session that they see.
        first: the first of them.
        after: the one after the last of them.
    """

    start: int
    first: int
    after: int


def first_day_seen(session: date) -> date:
    """The first day whose bars a row of the session depends on: those to load before it."""
    return history_start(session_offset(session, -SESSIONS_BEFORE))


def spans(sessions: Sequence[date], first: int) -> Iterator[Span]:
    """The sessions from position `first` on, grouped by where their indicators begin.

    Args:
        sessions: ascending.
        first: position of the first one that is asked for.
    """
    days = np.array(sessions, dtype="datetime64[D]")
    for start, group in groupby(range(first, len(sessions)), lambda place: history_start(sessions[place])):
        places = list(group)
        yield Span(int(np.searchsorted(days, np.datetime64(start, "D"))), places[0], places[-1] + 1)
