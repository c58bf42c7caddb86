"""Where a session's history begins, and that its row does not depend on how it was asked for."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.technicals.bars import Bars
from kapman_assets.technicals.history import MOST_SESSIONS, SessionRow, as_known, history_start, session_rows, spans
from kapman_assets.technicals.indicators import COLUMNS, INDICATORS, columns, indicators
from kapman_assets.technicals.reasons import Missing, Reason
from kapman_resources.sessions import sessions_between
from tests.unit.technicals.series import random_bars

SESSIONS = sessions_between(date(2023, 10, 2), date(2026, 8, 21))
DATES = np.array(SESSIONS, dtype="datetime64[D]")
BARS = random_bars(21, len(SESSIONS))


@pytest.mark.parametrize(
    ("session", "start"),
    [
        (date(2026, 1, 2), date(2024, 7, 1)),
        (date(2026, 6, 30), date(2024, 7, 1)),
        (date(2026, 7, 1), date(2025, 1, 1)),
        (date(2026, 12, 31), date(2025, 1, 1)),
    ],
)
def test_a_history_begins_with_a_half_year(session: date, start: date) -> None:
    assert history_start(session) == start


def test_a_history_is_18_to_24_months() -> None:
    for year in range(2005, 2027):
        for last in (date(year, 6, 30), date(year, 12, 31)):
            assert 495 <= len(sessions_between(history_start(last), last)) <= MOST_SESSIONS
        for first in (date(year, 1, 1), date(year, 7, 1)):
            # Every window is full at the beginning of a half-year: the longest is 252 bars.
            assert len(sessions_between(history_start(first), first)) >= 370


@given(st.dates(date(2004, 1, 1), date(2026, 12, 31)))
def test_starts_only_move_on(day: date) -> None:
    start, later = history_start(day), history_start(day + timedelta(days=1))

    assert (start.month, start.day) in {(1, 1), (7, 1)}
    assert start == later or (day + timedelta(days=1)).day == 1
    assert start <= later < day


def test_sessions_of_a_half_year_are_one_span() -> None:
    wanted = [SESSIONS[-1], SESSIONS[-100], SESSIONS[-2], SESSIONS[-100]]
    found = list(spans(DATES, wanted))

    assert [sessions for _, sessions in found] == [[SESSIONS[-100]], [SESSIONS[-2], SESSIONS[-1]]]
    for span, sessions in found:
        assert SESSIONS[span][0] == next(day for day in SESSIONS if day >= history_start(sessions[0]))
        assert SESSIONS[span][-1] == sessions[-1]


def test_a_row_holds_the_values_of_its_session() -> None:
    row = session_rows(BARS, DATES, [SESSIONS[-3]])[0]
    seen = BARS[slice(int(np.searchsorted(DATES, np.datetime64("2025-01-01"))), len(BARS) - 2)]

    assert row.session == SESSIONS[-3]
    assert (tuple(row.indicators), tuple(row.columns)) == (INDICATORS, COLUMNS)
    for name, array in {**indicators(seen), **columns(seen)}.items():
        value = {**row.indicators, **row.columns}[name]
        assert (value is None) == np.isnan(array[-1]), name
        assert value is None or value == array[-1], name
    assert set(row.null_reasons) == {n for n, v in {**row.indicators, **row.columns}.items() if v is None}
    assert row.null_reasons["vwap"] == Missing(Reason.NO_VWAP)
    assert Missing(Reason.OTHER_TREND) in row.null_reasons.values()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_row_is_the_same_alone_and_among_others(data: st.DataObject) -> None:
    """One session alone, many in one run, a history cut after it, and one without its oldest part."""
    places = data.draw(st.lists(st.integers(560, len(SESSIONS) - 1), min_size=1, max_size=12, unique=True))
    together = session_rows(BARS, DATES, [SESSIONS[k] for k in places])

    assert [row.session for row in together] == [SESSIONS[k] for k in sorted(places)]
    place = data.draw(st.sampled_from(sorted(places)))
    row = next(row for row in together if row.session == SESSIONS[place])
    dropped = data.draw(st.integers(0, place + 1 - MOST_SESSIONS))
    for part in (slice(0, len(BARS)), slice(0, place + 1), slice(dropped, place + 1)):
        assert session_rows(BARS[part], DATES[part], [SESSIONS[place]]) == [row]


def test_a_session_without_a_bar_has_no_row() -> None:
    kept = np.ones(len(BARS), dtype=bool)
    kept[[-2, -1]] = False

    assert session_rows(BARS[kept], DATES[kept], SESSIONS[-2:]) == []
    assert [row.session for row in session_rows(BARS[kept], DATES[kept], SESSIONS[-3:])] == [SESSIONS[-3]]
    assert session_rows(BARS[slice(0, 0)], DATES[:0], SESSIONS[-2:]) == []


def test_an_incomplete_bar_has_a_row_that_says_so() -> None:
    torn = BARS[np.ones(len(BARS), dtype=bool)]
    torn.volume[-1] = np.nan
    row = session_rows(torn, DATES, [SESSIONS[-1]])[0]

    assert set(row.indicators.values()) | set(row.columns.values()) == {None}
    assert set(row.null_reasons.values()) == {Missing(Reason.INCOMPLETE_BAR)}


def test_a_short_history_is_told() -> None:
    row = session_rows(BARS[slice(-40, None)], DATES[-40:], [SESSIONS[-1]])[0]

    assert row.columns["sma_200"] is None
    assert row.null_reasons["sma_200"] == Missing(Reason.SHORT_HISTORY, 200, 40)
    assert row.columns["sma_20"] is not None


def test_a_session_does_not_know_a_later_split() -> None:
    # Two for one on the session before the last: as of the last, older prices are halved and volumes doubled.
    execution = SESSIONS[-2]
    before = np.datetime64(execution) > DATES
    factor = np.where(before, 0.5, 1.0)
    adjusted = Bars.of(
        open=BARS.open * factor,
        high=BARS.high * factor,
        low=BARS.low * factor,
        close=BARS.close * factor,
        volume=BARS.volume / factor,
    )
    rows = session_rows(adjusted, DATES, SESSIONS[-4:], {execution: 0.5})

    assert rows[:2] == session_rows(BARS[before], DATES[before], SESSIONS[-4:-2])
    assert rows[2:] == session_rows(adjusted, DATES, SESSIONS[-2:])
    assert session_rows(adjusted, DATES, SESSIONS[-4:-2]) != rows[:2]


def test_sessions_are_grouped_by_the_splits_they_knew() -> None:
    days = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5)]
    splits = {date(2026, 3, 3): 0.5, date(2026, 3, 5): 3.0}

    assert list(as_known(days, splits)) == [(1.5, days[:1]), (3.0, days[1:3]), (1, days[3:])]
    assert list(as_known(days, {})) == [(1, days)]


@pytest.mark.parametrize("dates", [DATES[:-1], DATES[::-1], np.repeat(DATES[:1], len(DATES))])
def test_dates_that_are_not_those_of_the_bars(dates: "np.typing.NDArray[np.datetime64]") -> None:
    with pytest.raises(ValueError, match="ascending and one a bar"):
        session_rows(BARS, dates, SESSIONS[-1:])


def test_rows_compare() -> None:
    # That equality of rows above is of their values.
    rows: list[SessionRow] = session_rows(BARS, DATES, SESSIONS[-2:])
    assert rows[0] != rows[1]
