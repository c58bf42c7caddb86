"""The vendor's daily flat files, from S3 or from a directory with the same keys.

Belongs here: which key a session has, which files are published, the bytes of one file as they came, and
why a file is not there. What the bytes mean (columns, refused rows) is decided by ingest; the Dagster
resource around this client lives in `dagster_resources`.
"""
# ruff: noqa: N818  (the errors are named after what happened)

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError
from kapman_resources.sessions import file_due_at, is_session
from kapman_resources.stores import Bucket, Directory, Variables, bucket_and_prefix, s3_client

VARIABLES = Variables(
    location="FLATFILES_URL",
    endpoint="FLATFILES_ENDPOINT_URL",
    access_key="AWS_ACCESS_KEY_ID",
    secret_key="AWS_SECRET_ACCESS_KEY",  # noqa: S106  (a name)
    credentials=(
        "the flat files on S3 need the S3 credentials of the vendor's dashboard (not the REST key). Set them, or "
        "unset FLATFILES_URL for the simulated market."
    ),
    denied=(
        "Either the plan has no entitlement to it (plans include the last years only; a listing may show more) or "
        "the credentials are wrong"
    ),
)

DAY_AGGS_PREFIX = "us_stocks_sip/day_aggs_v1/"
"""Where every daily file of the whole market is."""


class NotASession(PermanentError):
    """No file, and there never will be one: the exchange was closed. Skip the day."""


class NotPublishedYet(TransientError):
    """No file yet, and it is not late: ask again."""


class FileLate(PermanentError):
    """No file although it is due: take the day from REST, or wait until the listing shows the file."""


@dataclass(frozen=True)
class FlatFile:
    """One published file.

    Attributes:
        session: the trading day that it holds.
        key: its key below the bucket or directory.
        etag: changes whenever the file is published again.
        body: the gzip bytes as received.
        uri: `s3://bucket/key`, or the path of the file.
    """

    session: date
    key: str
    etag: str
    body: bytes = field(repr=False)
    uri: str


def day_aggs_key(session: date) -> str:
    """The key of the file of `session`: `us_stocks_sip/day_aggs_v1/2024/08/2024-08-01.csv.gz`."""
    return f"{_month_prefix(session)}{session:%Y-%m-%d}.csv.gz"


def judge_absence(session: date, now: datetime) -> NotASession | NotPublishedYet | FileLate:
    """The error that a missing file means.

    Args:
        session: the day whose file is missing.
        now: an aware datetime.

    Returns:
        An error to raise: the day is no session, its file is not due, or its file is late.
    """
    key = day_aggs_key(session)
    if not is_session(session):
        return NotASession(f"{session} is not an XNYS session, so {key} does not exist; skip the day.")
    due = file_due_at(session)
    if now < due:
        return NotPublishedYet(f"{key} is not published yet; it is due by {due:%Y-%m-%d %H:%M %Z}. Ask again.")
    return FileLate(
        f"{key} is missing although it was due by {due:%Y-%m-%d %H:%M %Z}. "
        "Check FLATFILES_URL, or take the session from the REST API (POLYGON_API_KEY) until it is there."
    )


class FlatFiles:
    """The daily flat files of one store."""

    def __init__(self, store: Bucket | Directory, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Wrap a store.

        Args:
            store: where the files are.
            clock: the present as an aware datetime; decides whether a missing file is late.
        """
        self._store = store
        self._clock = clock

    @classmethod
    def open(
        cls,
        location: str,
        *,
        endpoint_url: str,
        access_key: SecretStr | None,
        secret_key: SecretStr | None,
    ) -> "FlatFiles":
        """Open the location that the settings name. No request is made.

        Args:
            location: `s3://bucket` or a directory.
            endpoint_url: address of the S3 service; a directory needs none.
            access_key: S3 access key id; a directory needs none.
            secret_key: its secret.

        Raises:
            ConfigurationError: the location is neither, or what it needs is missing.
        """
        if "://" not in location:
            return cls.in_directory(Path(location).expanduser())
        match bucket_and_prefix(location):
            case (bucket, ""):
                return cls(Bucket(s3_client(VARIABLES, endpoint_url, access_key, secret_key), bucket, VARIABLES))
            case _:
                raise ConfigurationError("FLATFILES_URL must be s3://bucket (no path behind it) or a directory.")

    @classmethod
    def in_directory(cls, root: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "FlatFiles":
        """Open the directory that stands for the bucket.

        Raises:
            ConfigurationError: there is no such directory.
        """
        if not root.is_dir():
            raise ConfigurationError(
                f"FLATFILES_URL: there is no directory {root}. Run `kapman simulate` to write the simulated "
                "market, or set FLATFILES_URL to s3://bucket or to a directory of flat files."
            )
        return cls(Directory(root, VARIABLES), clock=clock)

    def __repr__(self) -> str:
        return f"FlatFiles({self._store!r})"

    def etags(self, sessions: Sequence[date]) -> dict[date, str]:
        """The ETag of each of `sessions` that is published, ascending; one listing for each month.

        Raises:
            AccessDenied: the listing was refused.
            TransientError: the store did not answer.
        """
        wanted = set(sessions)
        published: dict[date, str] = {}
        for prefix in sorted({_month_prefix(session) for session in wanted}):
            published |= self._published(prefix)
        return {session: etag for session, etag in published.items() if session in wanted}

    def sessions(self) -> list[date]:
        """Every session that is published, ascending: one listing of the whole archive.

        Raises:
            AccessDenied: the listing was refused.
            TransientError: the store did not answer.
        """
        return list(self._published(DAY_AGGS_PREFIX))

    def fetch(self, session: date) -> FlatFile:
        """Take the file of `session`, whole or not at all.

        Raises:
            NotASession: there is no file because the exchange was closed.
            NotPublishedYet: there is no file, and none is due.
            FileLate: there is no file although it is due.
            AccessDenied: the store refused.
            BrokenTransfer: the body broke off every time.
            StoreUnavailable: the store did not answer.
        """
        key = day_aggs_key(session)
        try:
            stored = self._store.read(key, what=f"session {session}")
        except FileNotFoundError:
            raise judge_absence(session, self._clock()) from None
        return FlatFile(session, key, stored.etag, stored.body, stored.uri)

    def _published(self, prefix: str) -> dict[date, str]:
        found = {_session_of(key): etag for key, etag in self._store.listing(prefix)}
        return {session: found[session] for session in sorted(filter(None, found))}


def _month_prefix(session: date) -> str:
    return f"{DAY_AGGS_PREFIX}{session:%Y/%m}/"


def _session_of(key: str) -> date | None:
    """The session of a daily file; None for any other key."""
    try:
        session = date.fromisoformat(Path(key).name.removesuffix(".csv.gz"))
    except ValueError:
        return None
    return session if key == day_aggs_key(session) else None
