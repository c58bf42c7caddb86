"""Takes sessions of bars from the vendor and stores them: which source, in which order, what if it fails.

Free of Dagster: the `ohlcv` asset calls `ingest_sessions` and reports what came of it. Reading and judging a
file is `day_file`, writing it is `ohlcv_store`.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

import sqlalchemy as sa

from kapman_assets.market import ohlcv_store
from kapman_assets.market.day_file import (
    MAYBE_TEST_TICKERS,
    DayFileError,
    JudgedDay,
    Source,
    read_flat_file,
    read_grouped_daily,
)
from kapman_assets.market.ohlcv_store import Provenance, TickerIndex, WriteReport
from kapman_resources import progress
from kapman_resources.errors import PermanentError
from kapman_resources.flatfiles import FileLate, FlatFiles, NotPublishedYet
from kapman_resources.polygon import NotFound, NotRecorded, Polygon

_AHEAD = 2
"""Files read and judged while the one before them is being written."""


@dataclass(frozen=True)
class IngestedSession:
    """One session that is stored: where it came from, what was written, and how long it took."""

    session: date
    origin: Provenance
    source: Source
    rows_read: int
    report: WriteReport
    late: bool
    seconds: float


@dataclass
class IngestReport:
    """What became of the sessions that were asked for.

    Attributes:
        done: stored, newest first.
        pending: not published yet and no other source; ask again later.
        failed: session to the reason, for a person to read.
        not_tried: older than one to which access was refused; asking for them would be refused too.
        already: stored by an earlier attempt of the same run.
    """

    done: list[IngestedSession] = field(default_factory=list)
    pending: list[date] = field(default_factory=list)
    failed: dict[date, str] = field(default_factory=dict)
    not_tried: list[date] = field(default_factory=list)
    already: list[date] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Sessions whose fate is known."""
        return len(self.done) + len(self.pending) + len(self.failed)


@dataclass(frozen=True)
class _Taken:
    day: JudgedDay
    uri: str
    etag: str | None
    bytes: int | None
    late: bool
    seconds: float


def ingest_sessions(
    engine: sa.Engine,
    flat_files: FlatFiles,
    polygon: Polygon | None,
    sessions: Sequence[date],
    *,
    run_id: str | None,
) -> IngestReport:
    """Store every one of `sessions` that a source has, each in a transaction of its own.

    Sessions are taken newest first: each ticker's `last_ohlcv_date` is then written once and not once a
    session, and an entitlement that ends at some day of the past is met only when everything newer is done.
    A session that this run has stored before (a retry after a lost connection) is not taken again.

    Raises:
        TransientError: a source failed for now; what is done is done.
        sqlalchemy.exc.OperationalError, StorageFullError: the database failed; likewise.
    """
    newest_first = sorted(sessions, reverse=True)
    report = IngestReport()
    with engine.connect() as connection:
        stored = ohlcv_store.stored_sessions(connection, newest_first[-1], newest_first[0])
        typed = ohlcv_store.typed_symbols(connection, MAYBE_TEST_TICKERS)
        report.already = [day for day, state in stored.items() if run_id is not None and state.run_id == run_id]
        wanted = [day for day in newest_first if day not in report.already]
        with _reading_ahead(lambda session: _take(flat_files, polygon, session, typed), wanted) as outcomes:
            ohlcv_store.make_room(connection, wanted)
            index = ohlcv_store.load_ticker_index(connection)
            # Ends the read: an open transaction would keep the server from cleaning up for as long as the run lasts.
            connection.rollback()
            for number, (session, outcome) in enumerate(outcomes, start=1):
                try:
                    had_bars = session in stored and stored[session].rows_stored > 0
                    _store(engine, session, outcome, index, run_id=run_id, had_bars=had_bars, report=report)
                except PermanentError as refusal:
                    report.failed[session] = str(refusal)
                    report.not_tried = wanted[number:]
                    break
                progress.report("ohlcv", report.count, len(wanted))
    return report


def _store(
    engine: sa.Engine,
    session: date,
    outcome: Future[_Taken],
    index: TickerIndex,
    *,
    run_id: str | None,
    had_bars: bool,
    report: IngestReport,
) -> None:
    """Write what was taken, or note why nothing was; errors that end the whole range pass through."""
    try:
        taken = outcome.result()
    except NotPublishedYet:
        report.pending.append(session)
        return
    except (FileLate, DayFileError) as error:
        report.failed[session] = str(error)
        return
    if had_bars and taken.day.bars.empty:
        # Written, it would replace a good session by an empty one.
        reasons = taken.day.refused["reason"].value_counts()
        counted = ", ".join(f"{count:,} x {reason}" for reason, count in reasons.items())
        report.failed[session] = (
            f"{session}: not one of {taken.day.rows_read:,} rows can be used ({counted}); the stored bars stand."
        )
        return
    origin = Provenance(taken.uri, taken.etag, taken.bytes, run_id)
    begun = time.perf_counter()
    written = ohlcv_store.write_session(engine, taken.day, origin, index)
    seconds = taken.seconds + time.perf_counter() - begun
    report.done.append(
        IngestedSession(session, origin, taken.day.source, taken.day.rows_read, written, taken.late, seconds)
    )


def _take(flat_files: FlatFiles, polygon: Polygon | None, session: date, typed: frozenset[str]) -> _Taken:
    """Read and judge one session: the flat file, or REST while there is none."""
    begun = time.perf_counter()
    try:
        file = flat_files.fetch(session)
    except (NotPublishedYet, FileLate) as absence:
        page = None if polygon is None else _grouped_daily(polygon, session)
        if page is None:
            raise
        day = read_grouped_daily(page, session, typed=typed)
        late = isinstance(absence, FileLate)
        return _Taken(day, f"{polygon!r} grouped daily", None, None, late, time.perf_counter() - begun)
    day = read_flat_file(file.body, session, typed=typed)
    return _Taken(day, file.uri, file.etag, len(file.body), False, time.perf_counter() - begun)


def _grouped_daily(polygon: Polygon, session: date) -> dict[str, Any] | None:
    """The REST answer for a session; None where that source does not have it (yet)."""
    try:
        page = polygon.ask(lambda client: client.grouped_daily(session))
    except (NotFound, NotRecorded):
        return None
    return page if page.get("results") else None


@contextmanager
def _reading_ahead(
    take: Callable[[date], _Taken], sessions: Sequence[date]
) -> Iterator[Iterator[tuple[date, Future[_Taken]]]]:
    """Each session with its outcome, in order; a thread begins at once and stays a few sessions ahead."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ohlcv-reader") as reader:
        waiting = deque((day, reader.submit(take, day)) for day in sessions[:_AHEAD])

        def outcomes() -> Iterator[tuple[date, Future[_Taken]]]:
            rest = iter(sessions[_AHEAD:])
            while waiting:
                yield waiting.popleft()
                waiting.extend((day, reader.submit(take, day)) for day in islice(rest, 1))

        try:
            yield outcomes()
        finally:
            reader.shutdown(cancel_futures=True)
