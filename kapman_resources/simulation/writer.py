"""The files of a simulated market: where each stands and how it is written so that it is never half there.

Every file gets its name by a rename, and the same content always becomes the same bytes. What is in the
files comes from the modules beside this one.
"""

import csv
import fcntl
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from kapman_resources.simulation.faults import FRACTIONAL_VOLUME_SINCE, Rows
from kapman_resources.simulation.options.pages import SNAPSHOT_PATH, Page, taken_at
from kapman_resources.simulation.reference import pages

DAY_FILES = "flatfiles/us_stocks_sip/day_aggs_v1"
HEADER = b"ticker,volume,open,close,high,low,window_start,transactions\n"

_DAY_SUFFIX = ".csv.gz"
_LOCK = ".lock"
_COMPRESSION = 6
_CHAIN_COMPRESSION = 1
"""Chains are a hundred times the day files: written fast rather than small."""

_WITHOUT_QUOTES = arrow_csv.WriteOptions(include_header=False, quoting_style="none")


def day_file(directory: Path, session: date) -> Path:
    """Where the day file of a session stands."""
    return directory / DAY_FILES / f"{session:%Y/%m}" / f"{session}{_DAY_SUFFIX}"


def newest_day_file(directory: Path) -> date | None:
    """The newest session that has a day file."""
    found = (directory / DAY_FILES).glob(f"*/*/*{_DAY_SUFFIX}")
    return max((date.fromisoformat(path.name.removesuffix(_DAY_SUFFIX)) for path in found), default=None)


def write_day_file(directory: Path, session: date, rows: Rows) -> None:
    """Write a session's rows in the vendor's columns."""
    columns: dict[str, Any] = dict(vars(rows))
    if session < FRACTIONAL_VOLUME_SINCE:
        columns["volume"] = rows.volume.astype(np.int64)
    text = io.BytesIO()
    text.write(HEADER)
    arrow_csv.write_csv(pa.table(columns), text, _WITHOUT_QUOTES)
    replace_file(day_file(directory, session), _compressed(text.getvalue(), _COMPRESSION))


def write_pages(directory: Path, path: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write the pages of one REST endpoint below `rest/`, numbered from 0001."""
    for number, page in enumerate(pages(path, rows), start=1):
        target = directory / "rest" / path / f"{number:04d}.json.gz"
        replace_file(target, _compressed(json.dumps(page).encode(), _COMPRESSION))


def chain_page(directory: Path, session: date, page: Page) -> Path:
    """Where a page of a chain stands: below its session, its symbol and when it was taken (UTC)."""
    taken = f"{taken_at(session).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return directory / "rest" / SNAPSHOT_PATH / f"{session}" / page.symbol / taken / f"{page.number:04d}.json.gz"


def write_chain_page(target: Path, body: bytes) -> None:
    """Write one page of a chain."""
    replace_file(target, _compressed(body, _CHAIN_COMPRESSION))


def write_label(directory: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write one table of the truth below `labels/`."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    replace_file(directory / "labels" / name, text.getvalue().encode())


def write_json(target: Path, values: dict[str, Any]) -> None:
    """Write one readable JSON file."""
    replace_file(target, (json.dumps(values, indent=2) + "\n").encode())


def replace_file(target: Path, content: bytes) -> None:
    """Write a file whole or not at all; what a killed call leaves is overwritten by the next one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.tmp")
    unfinished.write_bytes(content)
    unfinished.replace(target)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only writer of a directory; waits for another one to end."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        # Closing the file, or the end of the process, gives the lock back.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compressed(content: bytes, level: int) -> bytes:
    return gzip.compress(content, compresslevel=level, mtime=0)
