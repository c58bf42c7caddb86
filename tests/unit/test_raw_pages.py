"""The raw store in a directory: which take counts, what a damaged one is worth, and what a kill leaves."""

import gzip
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError
from kapman_resources.polygon.client import path_part
from kapman_resources.raw_pages import RawPages

SESSION = date(2026, 1, 2)
TAKEN = datetime(2026, 1, 2, 21, 20, tzinfo=UTC)
LATER = TAKEN + timedelta(minutes=5)


def page(*rows: Any, more: bool = False, **other: Any) -> bytes:
    """A page of the vendor; `more` says that another one follows."""
    following = {"next_url": "https://api.massive.com/v3/x?cursor=2"} if more else {}
    return json.dumps({"status": "OK", "results": [{"n": row} for row in rows], **following, **other}).encode()


def write(raw: RawPages, taken: datetime, *bodies: bytes, symbol: str = "AAPL", session: date = SESSION) -> None:
    writer = raw.begin(session, symbol, taken)
    for body in bodies:
        writer.add(body)


def rows(raw: RawPages, symbol: str = "AAPL") -> list[Any]:
    take = raw.read(SESSION, symbol)
    assert take is not None
    return [row["n"] for content in take.pages for row in content["results"]]


@pytest.fixture
def raw(tmp_path: Path) -> RawPages:
    return RawPages.open(str(tmp_path / "raw"))


def folder_of(root: Path, taken: str = "20260102T212000Z", symbol: str = "AAPL") -> Path:
    return root / "raw/v3/snapshot/options/2026-01-02" / symbol / taken


# Where pages are


def test_a_page_is_kept_as_it_came_under_session_symbol_and_time(raw: RawPages, tmp_path: Path) -> None:
    body = b'{"status": "OK",\n "results": [{"iv": NaN}]}'
    writer = raw.begin(SESSION, "BRK.B", TAKEN.astimezone(timezone(timedelta(hours=-5))).replace(microsecond=999))
    assert not (tmp_path / "raw").exists()
    writer.add(body)

    file = tmp_path / "raw/v3/snapshot/options/2026-01-02/BRK.B/20260102T212000Z/0001.json.gz"
    stored = file.read_bytes()
    assert gzip.decompress(stored) == body
    # No time in the header: the same page is the same file.
    assert stored[4:8] == bytes(4)
    assert [path for path in (tmp_path / "raw").rglob("*") if path.is_file()] == [file]
    assert (writer.bytes, writer.uri) == (len(stored), str(file.parent))
    take = raw.read(SESSION, "BRK.B")
    assert take is not None
    assert (take.taken, take.bytes, take.uri) == (TAKEN, len(stored), str(file.parent))
    assert raw.symbols(SESSION) == {"BRK.B"}


def test_sessions_and_symbols_are_those_with_a_take(raw: RawPages, tmp_path: Path) -> None:
    assert (raw.sessions(), raw.symbols(SESSION), raw.read(SESSION, "AAPL")) == ([], set(), None)
    for session in (date(2026, 1, 6), SESSION, date(2025, 12, 31)):
        write(raw, TAKEN, page(1), session=session, symbol=f"I:{session.day}")
    for stray in ("20260105", "2026-1-5", "notes"):
        (tmp_path / "raw/v3/snapshot/options" / stray).mkdir()
    (tmp_path / "raw/v3/snapshot/options/2026-01-07").touch()

    assert raw.sessions() == [date(2025, 12, 31), SESSION, date(2026, 1, 6)]
    assert raw.symbols(SESSION) == {"I:2"}
    assert raw.symbols(date(2026, 1, 5)) == set()


@pytest.mark.parametrize("symbol", ["..", ".", "../../../../../x", "/etc/x", "A/B", "a\\b", "%2e%2e", "I:SPX", "é"])
def test_no_symbol_leaves_its_session(symbol: str, raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(symbol), symbol=symbol)

    (file,) = (path for path in tmp_path.resolve().rglob("*") if path.is_file())
    # Session, one folder for the symbol, take, page.
    assert file.parents[2] == (tmp_path / "raw/v3/snapshot/options/2026-01-02").resolve()
    assert raw.symbols(SESSION) == {symbol}
    assert rows(raw, symbol) == [symbol]


@given(st.text(min_size=1))
def test_a_symbol_becomes_one_part_of_a_path_and_back(symbol: str) -> None:
    part = path_part(symbol)
    assert part not in {"", ".", ".."}
    assert not set(part) & set("/\\:?#\0")
    assert unquote(part) == symbol


def test_what_cannot_be_named_is_refused(raw: RawPages) -> None:
    with pytest.raises(ValueError, match="empty"):
        raw.begin(SESSION, "", TAKEN)
    with pytest.raises(ValueError, match="time zone"):
        raw.begin(SESSION, "AAPL", TAKEN.replace(tzinfo=None))


# Which take counts


def test_the_newest_whole_take_counts(raw: RawPages) -> None:
    write(raw, TAKEN - timedelta(hours=1), page(1, more=True), page(2, more=True), page(3))
    write(raw, TAKEN, page(4, more=True), page(5))
    write(raw, LATER, page(6, more=True), page(7, more=True), page(8, more=True))

    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.taken, take.is_whole, take.flaw, rows(raw)) == (TAKEN, True, None, [4, 5])


def test_without_a_whole_take_the_one_with_most_pages_counts_and_says_what_is_missing(raw: RawPages) -> None:
    write(raw, TAKEN - timedelta(hours=1), page(1, more=True))
    write(raw, TAKEN, page(2, more=True), page(3, more=True))
    write(raw, LATER, page(4, more=True))

    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.taken, take.is_whole, rows(raw)) == (TAKEN, False, [2, 3])
    assert "20260102T212000Z/0002.json.gz is not the last page" in (take.flaw or "")


def test_of_takes_with_as_many_pages_the_newest_counts(raw: RawPages) -> None:
    for taken in (TAKEN, LATER, TAKEN - timedelta(hours=1)):
        write(raw, taken, page(1, more=True))
    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert take.taken == LATER


def test_a_chain_without_contracts_is_a_whole_take(raw: RawPages) -> None:
    write(raw, TAKEN, page(), symbol="NONE")
    write(raw, TAKEN, b"{}", symbol="BARE")
    for symbol in ("NONE", "BARE"):
        take = raw.read(SESSION, symbol)
        assert take is not None
        assert take.is_whole
        assert not any(content.get("results") for content in take.pages)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 86399),
        st.tuples(st.sets(st.integers(1, 4), min_size=1), st.integers(1, 4), st.sets(st.integers(1, 4), max_size=1)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_takes_there_are_the_rule_holds(takes: dict[int, tuple[set[int], int, set[int]]]) -> None:
    """Each take: the pages that are there, the number of pages of its chain, and those of them that are damaged."""
    with TemporaryDirectory() as place:
        raw = RawPages.open(place)
        for second, (there, length, damaged) in takes.items():
            folder = (
                Path(place) / f"v3/snapshot/options/2026-01-02/A/{datetime.fromtimestamp(second, UTC):%Y%m%dT%H%M%SZ}"
            )
            folder.mkdir(parents=True)
            for number in there:
                body = gzip.compress(page(number, more=number != length))
                (folder / f"{number:04d}.json.gz").write_bytes(body[:-9] if number in damaged else body)

        def usable(second: int) -> int:
            there, _, damaged = takes[second]
            return next(number - 1 for number in range(1, 6) if number not in there or number in damaged)

        def is_whole(second: int) -> bool:
            there, length, damaged = takes[second]
            # A page that says it is the last is one only if it is.
            return there == set(range(1, max(there) + 1)) and not there & damaged and max(there) == length

        wholes = [second for second in takes if is_whole(second)]
        expected = max(wholes) if wholes else max(takes, key=lambda second: (usable(second), second))
        take = raw.read(SESSION, "A")
        assert take is not None
        assert take.taken == datetime.fromtimestamp(expected, UTC)
        assert take.is_whole is bool(wholes)
        assert len(take.pages) == usable(expected)


def test_many_symbols_are_read_in_the_order_asked_for(raw: RawPages) -> None:
    for symbol in ("AAPL", "BRK.B", "I:SPX"):
        write(raw, TAKEN, page(symbol), symbol=symbol)
    write(raw, TAKEN, page("other"), symbol="AAPL", session=date(2026, 1, 5))

    found = list(raw.read_many(SESSION, ["I:SPX", "NONE", "AAPL"]))
    assert [symbol for symbol, _ in found] == ["I:SPX", "NONE", "AAPL"]
    assert [take and take.pages[0]["results"] for _, take in found] == [[{"n": "I:SPX"}], None, [{"n": "AAPL"}]]
    assert [take for _, take in found] == [raw.read(SESSION, symbol) for symbol, _ in found]


# Damage


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        gzip.compress(page(2))[:15],
        gzip.compress(page(2))[:-4],
        gzip.compress(page(2)[:-5]),
        gzip.compress(b"[]"),
        gzip.compress(b"\xff"),
        gzip.compress(b'{"status":"ERROR","error":"no"}'),
        b"<html>",
    ],
    ids=["empty", "cut in the data", "cut in the checksum", "cut JSON", "no object", "no text", "an error", "not gzip"],
)
def test_a_damaged_page_ends_its_take_and_is_named(damaged: bytes, raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1, more=True), page(2, more=True), page(3))
    file = folder_of(tmp_path) / "0002.json.gz"
    file.write_bytes(damaged)

    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.is_whole, rows(raw)) == (False, [1])
    assert take.bytes == (file.parent / "0001.json.gz").stat().st_size
    assert f"{file} is damaged" in (take.flaw or "")


def test_a_page_that_is_missing_ends_its_take_and_is_named(raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1, more=True), page(2, more=True), page(3))
    file = folder_of(tmp_path) / "0002.json.gz"
    file.unlink()

    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.flaw, rows(raw)) == (f"{file} is missing", [1])


def test_a_take_whose_first_page_is_damaged_is_a_take_without_pages(raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1))
    (folder_of(tmp_path) / "0001.json.gz").write_bytes(b"")
    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.pages, take.bytes, take.is_whole) == ([], 0, False)


def test_files_of_others_are_no_pages(raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1))
    for name in ("0000.json.gz", "0002.json", "00002.json.gz", ".0002.json.gz.f00", "notes.txt"):
        (folder_of(tmp_path) / name).write_bytes(b"x")
    for name in ("20260102", "99999999T999999Z", "2026102T212000Z", "notes"):
        folder_of(tmp_path, name).mkdir()
        (folder_of(tmp_path, name) / "0001.json.gz").write_bytes(gzip.compress(page(9)))
    assert rows(raw) == [1]


KILLED = """
import os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from kapman_resources.raw_pages import RawPages

writer = RawPages.open(sys.argv[1]).begin(date(2026, 1, 2), "AAPL", datetime(2026, 1, 2, 21, 20, tzinfo=UTC))
writer.add(b'{"results": [{"n": 1}], "next_url": "x"}')
# The next page is on the disk, and has not got its name.
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
writer.add(b'{"results": [{"n": 2}]}')
"""


def test_a_killed_writer_leaves_whole_pages_and_a_take_that_is_not(raw: RawPages, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "raw")], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL

    assert len(list(folder_of(tmp_path).iterdir())) == 2
    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.is_whole, rows(raw)) == (False, [1])
    write(raw, LATER, page(3))
    assert rows(raw) == [3]


# Writing


def test_two_that_take_a_symbol_at_once_do_not_mix(raw: RawPages) -> None:
    def take(number: int) -> None:
        count = 20 + number
        bodies = [page(number, more=index < count - 1) for index in range(count)]
        write(raw, TAKEN + timedelta(seconds=number), *bodies)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, range(4)))

    found = raw.read(SESSION, "AAPL")
    assert found is not None
    assert (found.is_whole, rows(raw)) == (True, [3] * 23)


def test_a_second_take_of_the_same_second_is_refused(raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1))
    with pytest.raises(PermanentError, match=r"20260102T212000Z.*same second"):
        write(raw, TAKEN.replace(microsecond=5), page(2))
    assert rows(raw) == [1]
    assert len(list(folder_of(tmp_path).iterdir())) == 1


def test_a_place_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    raw = RawPages.open(str(tmp_path / "file" / "raw"))
    with pytest.raises(TransientError, match="RAW_URL"):
        write(raw, TAKEN, page(1))


def test_a_write_that_fails_leaves_nothing(raw: RawPages, tmp_path: Path) -> None:
    write(raw, TAKEN, page(1))
    # A folder that is not empty cannot be replaced by a file.
    (folder_of(tmp_path, "20260102T212500Z") / "0002.json.gz" / "in the way").mkdir(parents=True)
    writer = raw.begin(SESSION, "AAPL", LATER)
    writer.add(page(1, more=True))
    with pytest.raises(TransientError, match=r"RAW_URL: writing .*0002\.json\.gz"):
        writer.add(page(2))
    names = {path.name for path in folder_of(tmp_path, "20260102T212500Z").iterdir()}
    assert names == {"0001.json.gz", "0002.json.gz"}


# Settings


@pytest.mark.parametrize("location", ["s3://", "s3://Bucket!/x", "https://host/x", "file:///data"])
def test_a_location_that_is_neither_bucket_nor_directory_is_refused(location: str) -> None:
    with pytest.raises(ConfigurationError, match="RAW_URL must be"):
        RawPages.open(location, access_key=SecretStr("a"), secret_key=SecretStr("b"))


def test_missing_credentials_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^RAW_SECRET_ACCESS_KEY not set.*AWS_SECRET_ACCESS_KEY"):
        RawPages.open("s3://raw", access_key=SecretStr("a"))


def test_an_endpoint_that_is_no_address_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="RAW_ENDPOINT_URL"):
        RawPages.open("s3://raw", endpoint_url="minio:x:y", access_key=SecretStr("a"), secret_key=SecretStr("b"))


def test_a_recording_must_be_there_and_is_read_like_the_raw_store(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"OPTIONS_URL.*absent.*kapman simulate"):
        RawPages.recorded(tmp_path / "absent")
    write(RawPages.open(str(tmp_path)), TAKEN, page(1))
    assert rows(RawPages.recorded(tmp_path)) == [1]
