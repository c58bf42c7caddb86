"""How much of the past a session's row sees, and the rows of sessions.

Averages that decay and sums that accumulate depend on where they begin. They begin where `history_start` says, for one
session as for many: why there is in docs/decisions/006-history-behind-an-indicator.md.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from kapman_assets.technicals.bars import Bars
from kapman_assets.technicals.indicators import COLUMNS, INDICATORS, columns, indicators
from kapman_assets.technicals.reasons import Missing, Reason, null_reasons

Dates = npt.NDArray[np.datetime64]

MOST_SESSIONS = 508
"""No row depends on a bar more than so many sessions before it: two calendar years never have more sessions."""

_HALF, _YEAR = 6, 12
_HALVES_BEFORE = 3


@dataclass(frozen=True)
class SessionRow:
    """What one session's bars say of one name.

    Attributes:
        session: the day.
        indicators: the outputs of `INDICATORS`; None where unknown.
        columns: the columns of `COLUMNS`, likewise.
        null_reasons: for every None of both, why.
    """

    session: date
    indicators: Mapping[str, float | None]
    columns: Mapping[str, float | None]
    null_reasons: Mapping[str, Missing]


def history_start(session: date) -> date:
    """First day that a row of the session sees: the start of the half-year that is three before the session's own.

    So it sees 18 to 24 months, and every row of one half-year begins at the same bar.
    """
    halves = session.year * 2 + (session.month - 1) // _HALF - _HALVES_BEFORE
    return date(halves // 2, 1 + halves % 2 * _HALF, 1)


def spans(dates: Dates, sessions: Sequence[date]) -> Iterator[tuple[slice, list[date]]]:
    """Sessions that begin at the same bar, and which bars they see.

    Args:
        dates: of the bars, ascending.
        sessions: in any order.

    Yields:
        The bars from the common beginning up to the last of these sessions, and the sessions, ascending.
    """
    for start, group in groupby(sorted(set(sessions)), history_start):
        wanted = list(group)
        first = np.searchsorted(dates, np.datetime64(start, "D"))
        after = np.searchsorted(dates, np.datetime64(wanted[-1], "D"), side="right")
        yield slice(int(first), int(after)), wanted


def as_known(sessions: Sequence[date], splits: Mapping[date, float]) -> Iterator[tuple[float, list[date]]]:
    """Sessions that knew the same splits, and the factor that was still ahead of them.

    Bars adjusted for all of the splits are, as such a session knew them, prices over and volumes times this factor.

    Args:
        sessions: ascending.
        splits: `split_from / split_to` by execution date.
    """

    def ahead(session: date) -> float:
        return math.prod(factor for day, factor in splits.items() if session < day)

    for factor, group in groupby(sessions, ahead):
        yield factor, list(group)


def session_rows(
    bars: Bars, dates: npt.ArrayLike, sessions: Sequence[date], splits: Mapping[date, float] = MappingProxyType({})
) -> list[SessionRow]:
    """Rows of one name.

    Args:
        bars: of the name, adjusted as of the last of these sessions.
        dates: of the bars, ascending, one each.
        sessions: those that are asked for, in any order.
        splits: `split_from / split_to` by execution date, of the splits after the first of these sessions and up to
            the last: a session before one did not know it.

    Returns:
        One row for each of the sessions with a bar, ascending. A session without a bar has none.

    Raises:
        ValueError: if the dates are not one a bar and ascending.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    if days.shape != (len(bars),) or (days[1:] <= days[:-1]).any():
        raise ValueError(f"dates of bars must be ascending and one a bar: {days.shape[0]} for {len(bars)} bars")
    rows: list[SessionRow] = []
    for span, wanted in spans(days, sessions):
        for factor, alike in as_known(wanted, splits):
            asked = np.isin(days[span], np.array(alike, dtype="datetime64[D]"))
            rows += _rows(bars[span].in_units(factor), days[span], np.flatnonzero(asked))
    return rows


_NAMES = (*INDICATORS, *(name for name in COLUMNS if name not in INDICATORS))


def _rows(bars: Bars, days: Dates, places: npt.NDArray[np.intp]) -> list[SessionRow]:
    arrays = {**indicators(bars), **columns(bars)}
    values = np.array([arrays[name][places] for name in _NAMES]).T.tolist()
    complete = bars.are_complete
    counts, volumes = complete.cumsum(), bars.volume[complete]
    rows: list[SessionRow] = []
    for place, row in zip(places, values, strict=True):
        at = {name: None if math.isnan(value) else value for name, value in zip(_NAMES, row, strict=True)}
        unknown = [name for name, value in at.items() if value is None]
        rows.append(
            SessionRow(
                session=days[place].item(),
                indicators={name: at[name] for name in INDICATORS},
                columns={name: at[name] for name in COLUMNS},
                null_reasons=null_reasons(unknown, volumes[: counts[place]])
                if complete[place]
                else dict.fromkeys(unknown, Missing(Reason.INCOMPLETE_BAR)),
            )
        )
    return rows
