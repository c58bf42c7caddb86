"""The raw store: the pages of option chains as the vendor sent them, one take after the other.

The vendor gives no past chain, so what was received is kept before anything is made of it, and a recorded
market is the same store read only. Belongs here: where a page is, which take of a session counts, and how far
a take that broke off can be used. What the contracts mean is decided by the option assets.

    <root>/v3/snapshot/options/<session>/<symbol>/<taken, UTC>/<page>.json.gz
    <root>/v3/snapshot/options/2026-01-02/BRK.B/20260102T212000Z/0001.json.gz
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError
from kapman_resources.polygon.answers import Row, parse_stored
from kapman_resources.polygon.client import CHAINS_PATH, path_part
from kapman_resources.polygon.pages import checked_recording
from kapman_resources.stores import Bucket, Directory, Listed, Variables, bucket_and_prefix, s3_client

VARIABLES = Variables(
    location="RAW_URL",
    endpoint="RAW_ENDPOINT_URL",
    access_key="RAW_ACCESS_KEY_ID",
    secret_key="RAW_SECRET_ACCESS_KEY",  # noqa: S106  (a name)
    credentials=(
        "a raw store on S3 needs S3 credentials. Set them (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or set "
        "RAW_URL to a directory."
    ),
    denied="The credentials are wrong, or may not list, read and write there",
)

_TAKEN_FORMAT = "%Y%m%dT%H%M%SZ"
_PAGE_NAME = re.compile(r"(?!0000)(\d{4})\.json\.gz")

# A chain is written once and seldom read: the fastest level saves most of the space.
_GZIP_LEVEL = 1


@dataclass(frozen=True)
class Take:
    """One attempt to take a chain, as far as its pages can be read.

    Attributes:
        taken: when it was begun, UTC, to the second: the time that its contracts are of.
        pages: the pages from the first to the last that can be read, without a gap.
        uri: where they are.
        bytes: size of these pages as they are stored.
        flaw: why it is not the whole chain, naming the file; None if it is whole.
    """

    taken: datetime
    pages: list[Row] = field(repr=False)
    uri: str
    bytes: int
    flaw: str | None

    @property
    def is_whole(self) -> bool:
        """Whether every page of the chain is there."""
        return self.flaw is None


class TakeWriter:
    """Keeps the pages of one take as they come; `RawPages.begin` makes it. Pages are added one after the other.

    Attributes:
        bytes: size of the pages so far as they are stored.
        uri: where they are.
    """

    def __init__(self, store: Bucket | Directory, folder: str) -> None:
        """Take a folder, which ends with a slash and must have no object in it."""
        self._store = store
        self._folder = folder
        self._pages = 0
        self.bytes = 0
        self.uri = store.uri(folder)

    def add(self, body: bytes) -> None:
        """Keep the next page; blocks while it is written, so an event loop calls it in a thread.

        Args:
            body: the JSON text as received.

        Raises:
            AccessDenied, BrokenTransfer, StoreUnavailable: it cannot be written.
            PermanentError: another take of this symbol began in the same second.
        """
        if self._pages == 0 and self._store.listing(self._folder):
            raise PermanentError(f"{self.uri}: another take of the same second is there. Take the chain again.")
        packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        self._store.write(f"{self._folder}{_page_name(self._pages + 1)}", packed)
        self._pages += 1
        self.bytes += len(packed)


class RawPages:
    """The takes of every session in one store.

    Every method raises AccessDenied, BrokenTransfer or StoreUnavailable if the store refuses or fails.
    """

    def __init__(self, store: Bucket | Directory, prefix: str = "") -> None:
        """Wrap a store.

        Args:
            store: where the pages are.
            prefix: folder of all keys, without slashes at its ends.
        """
        self._store = store
        self._root = f"{prefix}{CHAINS_PATH}/".lstrip("/")

    @classmethod
    def open(
        cls,
        location: str,
        *,
        endpoint_url: str | None = None,
        access_key: SecretStr | None = None,
        secret_key: SecretStr | None = None,
    ) -> Self:
        """Open the location that RAW_URL names. No request is made; a directory is created by the first page.

        Args:
            location: `s3://bucket/prefix` or a directory.
            endpoint_url: address of the S3 service; None is AWS. A directory needs none.
            access_key: S3 access key id; a directory needs none.
            secret_key: its secret.

        Raises:
            ConfigurationError: the location is neither, or what it needs is missing.
        """
        if "://" not in location:
            return cls(Directory(Path(location).expanduser(), VARIABLES))
        place = bucket_and_prefix(location)
        if place is None:
            raise ConfigurationError("RAW_URL must be s3://bucket/prefix or a directory.")
        bucket, prefix = place
        return cls(Bucket(s3_client(VARIABLES, endpoint_url, access_key, secret_key), bucket, VARIABLES), prefix)

    @classmethod
    def recorded(cls, root: Path) -> Self:
        """Open the directory that OPTIONS_URL names, to read it.

        Raises:
            ConfigurationError: there is no such directory.
        """
        return cls(Directory(checked_recording(root), replace(VARIABLES, location="OPTIONS_URL")))

    def __repr__(self) -> str:
        return f"RawPages({self._store.uri(self._root)})"

    def begin(self, session: date, symbol: str, taken: datetime) -> TakeWriter:
        """Begin a take. Nothing is written before its first page.

        Args:
            session: the trading day whose chain it is.
            symbol: of the underlying.
            taken: the present, aware; two takes of a symbol must differ in the second.
        """
        if taken.tzinfo is None:
            raise ValueError("`taken` has no time zone")
        return TakeWriter(self._store, f"{self._folder(session, symbol)}{taken.astimezone(UTC):{_TAKEN_FORMAT}}/")

    def sessions(self) -> list[date]:
        """Every session that has a take, ascending."""
        return sorted(filter(None, map(_session_of, self._store.folders(self._root))))

    def symbols(self, session: date) -> set[str]:
        """The underlyings that have a take of `session`."""
        return {unquote(name) for name in self._store.folders(self._folder(session))}

    def read(self, session: date, symbol: str) -> Take | None:
        """The take that counts: the newest whole one, else of those with most pages the newest; None without any.

        A page that is missing, cut off or no answer ends its take there, and is named in `flaw`.
        """
        return self._best(self._store.listing(self._folder(session, symbol)))

    def read_many(self, session: date, symbols: Iterable[str]) -> Iterator[tuple[str, Take | None]]:
        """`read` for one symbol after the other, lazily, with a single listing of the session."""
        session_folder = self._folder(session)
        listed: dict[str, list[Listed]] = {}
        for item in self._store.listing(session_folder):
            listed.setdefault(item.key.removeprefix(session_folder).partition("/")[0], []).append(item)
        for symbol in symbols:
            yield symbol, self._best(listed.get(path_part(symbol), []))

    def _folder(self, session: date, symbol: str | None = None) -> str:
        folder = f"{self._root}{session.isoformat()}/"
        return folder if symbol is None else f"{folder}{path_part(symbol)}/"

    def _best(self, listed: Iterable[Listed]) -> Take | None:
        takes: dict[datetime, dict[int, str]] = {}
        for key, _ in listed:
            folder, name = key.rsplit("/", maxsplit=2)[-2:]
            taken, page = _taken_of(folder), _PAGE_NAME.fullmatch(name)
            if taken and page:
                takes.setdefault(taken, {})[int(page[1])] = key
        best = None
        for taken in sorted(takes, reverse=True):
            take = self._take(taken, takes[taken])
            if take.is_whole:
                return take
            if best is None or len(take.pages) > len(best.pages):
                best = take
        return best

    def _take(self, taken: datetime, keys: dict[int, str]) -> Take:
        """Read the pages of one take, whose keys are given by their numbers, until one is missing or damaged."""
        folder = next(iter(keys.values())).rpartition("/")[0]
        pages: list[Row] = []
        size = 0
        flaw = None
        for number in range(1, max(keys) + 1):
            key = f"{folder}/{_page_name(number)}"
            try:
                stored = self._store.read(key)
                pages.append(parse_stored(stored.body, is_gzipped=True).content)
            except FileNotFoundError:
                flaw = f"{self._store.uri(key)} is missing"
                break
            except ValueError as error:
                flaw = f"{self._store.uri(key)} is damaged ({error})"
                break
            size += len(stored.body)
        else:
            if pages[-1].get("next_url"):
                flaw = f"{self._store.uri(key)} is not the last page, and the next one was not kept"
        return Take(taken, pages, self._store.uri(folder), size, flaw)


def _page_name(number: int) -> str:
    return f"{number:04d}.json.gz"


def _taken_of(folder: str) -> datetime | None:
    """The time that the folder of a take is named after; None for any other name."""
    try:
        taken = datetime.strptime(folder, _TAKEN_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    # strptime takes 1 for 01.
    return taken if f"{taken:{_TAKEN_FORMAT}}" == folder else None


def _session_of(name: str) -> date | None:
    try:
        session = date.fromisoformat(name)
    except ValueError:
        return None
    return session if session.isoformat() == name else None
