"""Keys, the decision table for missing files, directories, and settings that cannot work."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError
from kapman_resources.flatfiles import (
    VARIABLES,
    FileLate,
    FlatFiles,
    NotASession,
    NotPublishedYet,
    day_aggs_key,
    judge_absence,
)
from kapman_resources.stores import StoreUnavailable, s3_client

KEY_ID, SECRET = SecretStr("AKIAEXAMPLEKEYID"), SecretStr("a-secret-of-the-store")
MONDAY = date(2024, 7, 1)


def put(root: Path, session: date, body: bytes = b"gz") -> Path:
    path = root / day_aggs_key(session)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def open_at(location: object) -> FlatFiles:
    return FlatFiles.open(str(location), endpoint_url="http://127.0.0.1:1", access_key=None, secret_key=None)


def test_key_is_the_vendors() -> None:
    assert day_aggs_key(date(2024, 8, 1)) == "us_stocks_sip/day_aggs_v1/2024/08/2024-08-01.csv.gz"


@pytest.mark.parametrize(
    ("session", "due"),
    [
        pytest.param(date(2024, 1, 10), datetime(2024, 1, 11, 16, 30, tzinfo=UTC), id="winter"),
        pytest.param(date(2024, 7, 10), datetime(2024, 7, 11, 15, 30, tzinfo=UTC), id="summer"),
        pytest.param(date(2024, 3, 8), datetime(2024, 3, 9, 16, 30, tzinfo=UTC), id="last day of winter time"),
        pytest.param(date(2024, 3, 11), datetime(2024, 3, 12, 15, 30, tzinfo=UTC), id="first of summer time"),
        pytest.param(date(2024, 11, 1), datetime(2024, 11, 2, 15, 30, tzinfo=UTC), id="last of summer time"),
        pytest.param(date(2024, 11, 4), datetime(2024, 11, 5, 16, 30, tzinfo=UTC), id="first of winter time"),
    ],
)
def test_a_missing_file_is_late_from_1130_new_york_of_the_next_day(session: date, due: datetime) -> None:
    before = judge_absence(session, due - timedelta(microseconds=1))
    at = judge_absence(session, due)

    assert isinstance(before, NotPublishedYet)
    assert isinstance(before, TransientError)
    assert isinstance(at, FileLate)
    assert isinstance(at, PermanentError)
    for error in (before, at):
        assert day_aggs_key(session) in str(error)
        assert "11:30" in str(error)


@pytest.mark.parametrize("day", [date(2024, 7, 4), date(2024, 7, 6), date(2025, 1, 9)])
def test_no_file_is_expected_of_a_closed_day(day: date) -> None:
    for now in (datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)):
        error = judge_absence(day, now)
        assert isinstance(error, NotASession)
        assert str(day) in str(error)


def test_directory_file_comes_whole(tmp_path: Path) -> None:
    path = put(tmp_path, MONDAY, b"\x1f\x8b bytes")
    files = open_at(tmp_path)

    file = files.fetch(MONDAY)

    assert (file.session, file.body, file.uri) == (MONDAY, b"\x1f\x8b bytes", str(path))
    assert file.key == day_aggs_key(MONDAY)
    assert files.etags([MONDAY]) == {MONDAY: file.etag}
    assert "bytes" not in repr(file)


def test_directory_etag_follows_size_and_time(tmp_path: Path) -> None:
    path = put(tmp_path, MONDAY, b"one")
    files = open_at(tmp_path)
    etags = [files.fetch(MONDAY).etag]

    path.write_bytes(b"longer")
    os.utime(path, ns=(0, 1_000_000_000))
    etags.append(files.fetch(MONDAY).etag)
    os.utime(path, ns=(0, 1_000_000_001))
    etags.append(files.fetch(MONDAY).etag)

    assert len(set(etags)) == 3
    assert files.fetch(MONDAY).etag == etags[-1]


def test_etags_holds_only_what_is_asked_for_and_published(tmp_path: Path) -> None:
    published = [date(2024, 6, 28), MONDAY, date(2024, 7, 2)]
    for session in reversed(published):
        put(tmp_path, session)
    files = open_at(tmp_path)

    assert list(files.etags([date(2024, 7, 3), MONDAY, date(2024, 6, 28)])) == [date(2024, 6, 28), MONDAY]
    assert files.etags([]) == {}
    assert files.etags([date(2019, 1, 2)]) == {}


def test_sessions_are_the_published_days_and_nothing_else_in_the_directory(tmp_path: Path) -> None:
    put(tmp_path, MONDAY)
    put(tmp_path, date(2024, 6, 28))
    month = tmp_path / "us_stocks_sip/day_aggs_v1/2024/07"
    for stray in (
        "notes.csv.gz",
        "2024-07-02.csv",
        "20240702.csv.gz",
        "2024-06-27.csv.gz",
        "2024-07-99.csv.gz",
    ):
        (month / stray).touch()
    (month / "2024-07-03.csv.gz").mkdir()

    assert open_at(tmp_path).sessions() == [date(2024, 6, 28), MONDAY]
    assert FlatFiles.in_directory(tmp_path).sessions() == [date(2024, 6, 28), MONDAY]


def test_an_empty_directory_has_published_nothing(tmp_path: Path) -> None:
    assert open_at(tmp_path).sessions() == []


@pytest.mark.parametrize(
    ("day", "now", "expected"),
    [
        (date(2024, 7, 4), datetime(2024, 7, 5, 20, tzinfo=UTC), NotASession),
        (MONDAY, datetime(2024, 7, 2, 15, 29, tzinfo=UTC), NotPublishedYet),
        (MONDAY, datetime(2024, 7, 2, 15, 30, tzinfo=UTC), FileLate),
    ],
)
def test_a_missing_file_is_judged_by_the_clock(
    tmp_path: Path, day: date, now: datetime, expected: type[Exception]
) -> None:
    files = FlatFiles.in_directory(tmp_path, clock=lambda: now)
    with pytest.raises(expected):
        files.fetch(day)


def test_without_a_clock_the_present_decides(tmp_path: Path) -> None:
    with pytest.raises(FileLate):
        open_at(tmp_path).fetch(MONDAY)


def test_an_unreadable_file_is_not_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / day_aggs_key(MONDAY)).mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match=r"2024-07-01.*readable"):
        open_at(tmp_path).fetch(MONDAY)


def test_a_directory_that_does_not_exist_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"FLATFILES_URL.*absent.*kapman simulate"):
        open_at(tmp_path / "absent")


@pytest.mark.parametrize(
    "location", ["s3://", "s3://bucket/prefix", "s3://Bucket!", "https://files.massive.com", "file:///data"]
)
def test_a_location_that_is_neither_bucket_nor_directory_is_refused(location: str) -> None:
    with pytest.raises(ConfigurationError, match="FLATFILES_URL must be"):
        open_at(location)


@pytest.mark.parametrize(
    ("access_key", "secret_key", "named"),
    [
        (None, None, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY not set"),
        (KEY_ID, None, "^AWS_SECRET_ACCESS_KEY not set"),
        (None, SECRET, "^AWS_ACCESS_KEY_ID not set"),
        (KEY_ID, SecretStr(""), "^AWS_SECRET_ACCESS_KEY not set"),
    ],
)
def test_missing_credentials_are_named(access_key: SecretStr | None, secret_key: SecretStr | None, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        FlatFiles.open(
            "s3://flatfiles", endpoint_url="http://127.0.0.1:1", access_key=access_key, secret_key=secret_key
        )
    assert SECRET.get_secret_value() not in str(caught.value)
    assert KEY_ID.get_secret_value() not in str(caught.value)


def test_an_endpoint_that_is_no_address_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="FLATFILES_ENDPOINT_URL"):
        s3_client(VARIABLES, "files.massive.com", KEY_ID, SECRET)


def test_repr_shows_where_and_no_credential(tmp_path: Path) -> None:
    files = FlatFiles.open("s3://flatfiles/", endpoint_url="http://127.0.0.1:1", access_key=KEY_ID, secret_key=SECRET)
    assert repr(files) == "FlatFiles(s3://flatfiles)"
    assert repr(open_at(tmp_path)) == f"FlatFiles({tmp_path})"
