"""Which published files must be taken: new ones, changed ones, and those that REST stood in for."""

from datetime import UTC, datetime, timedelta

import pytest

from kapman_assets.market.day_file import Source
from kapman_assets.market.ohlcv_store import StoredSession
from kapman_assets.market.sensors import wanted_versions

# Thursday, before Monday's Labor Day; its key opens at 21:20 UTC.
KEY = "2025-08-28"
OPENS = datetime(2025, 8, 28, 21, 20, tzinfo=UTC)
MORNING_AFTER = datetime(2025, 8, 29, 15, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def stored(key: str, etag: str | None, source: Source = Source.FLATFILE) -> dict[str, StoredSession]:
    day = datetime.fromisoformat(key)
    return {key: StoredSession(day.date(), source, etag, 11_000, "run", day.replace(tzinfo=UTC))}


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        pytest.param({}, True, id="not stored"),
        pytest.param(stored(KEY, None, Source.REST), True, id="stored from REST"),
        pytest.param(stored(KEY, "new", Source.REST), True, id="stored from REST, whatever its ETag"),
        pytest.param(stored(KEY, "old"), True, id="another version stored"),
        pytest.param(stored(KEY, None), True, id="a version without ETag stored"),
        pytest.param(stored(KEY, "new"), False, id="this version stored"),
        pytest.param(stored("2025-08-27", "new"), True, id="only another session stored"),
    ],
)
def test_a_published_file_is_wanted_unless_this_version_is_stored(
    state: dict[str, StoredSession], wanted: bool
) -> None:
    assert wanted_versions({KEY: "new"}, state, MORNING_AFTER) == ({KEY: "new"} if wanted else {})


def test_nothing_is_wanted_that_is_not_published() -> None:
    assert wanted_versions({}, stored(KEY, "old"), MORNING_AFTER) == {}
    assert wanted_versions({}, {}, MORNING_AFTER) == {}


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        pytest.param(OPENS, False, id="as its key opens"),
        pytest.param(OPENS + timedelta(minutes=30) - MICROSECOND, False, id="end of the grace"),
        pytest.param(OPENS + timedelta(minutes=30), True, id="after the grace"),
    ],
)
def test_a_session_never_stored_is_left_to_its_own_request_for_half_an_hour(now: datetime, wanted: bool) -> None:
    assert wanted_versions({KEY: "new"}, {}, now) == ({KEY: "new"} if wanted else {})


@pytest.mark.parametrize("state", [stored(KEY, "old"), stored(KEY, None, Source.REST)])
def test_the_grace_is_not_for_a_session_that_is_stored(state: dict[str, StoredSession]) -> None:
    assert wanted_versions({KEY: "new"}, state, OPENS) == {KEY: "new"}


# The seven sessions up to Tuesday 2025-09-02, Labor Day left out, and the two before them.
SEVEN = ["2025-08-22", "2025-08-25", "2025-08-26", "2025-08-27", "2025-08-28", "2025-08-29", "2025-09-02"]
OLDER = ["2025-08-20", "2025-08-21"]
TUESDAY_NIGHT = datetime(2025, 9, 2, 23, 0, tzinfo=UTC)


def test_only_the_last_seven_sessions_are_wanted_if_never_stored() -> None:
    published = dict.fromkeys(OLDER + SEVEN, "e")

    assert list(wanted_versions(published, {}, TUESDAY_NIGHT)) == SEVEN


def test_seven_sessions_are_counted_from_the_newest_open_one() -> None:
    published = dict.fromkeys(OLDER + SEVEN, "e")

    # Tuesday's key is not open yet: the seven end on Friday, over a weekend and a holiday.
    assert list(wanted_versions(published, {}, datetime(2025, 9, 2, 21, 19, tzinfo=UTC))) == ["2025-08-21", *SEVEN[:-1]]


def test_an_older_session_is_wanted_again_if_it_is_stored_and_changed() -> None:
    state = (
        stored("2025-08-20", "old")
        | stored("2025-08-21", "same")
        | {key: row for day in SEVEN for key, row in stored(day, "same").items()}
    )
    published = dict.fromkeys(OLDER + SEVEN, "same") | {"2025-08-20": "new"}

    assert wanted_versions(published, state, TUESDAY_NIGHT) == {"2025-08-20": "new"}


def test_each_wanted_session_has_its_own_version_in_order() -> None:
    published = {day: f"etag of {day}" for day in reversed(SEVEN)}

    wanted = wanted_versions(published, stored(SEVEN[2], f"etag of {SEVEN[2]}"), TUESDAY_NIGHT)

    assert list(wanted.items()) == [(day, f"etag of {day}") for day in SEVEN if day != SEVEN[2]]
