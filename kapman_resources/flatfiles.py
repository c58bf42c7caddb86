"""The vendor's daily flat files, from S3 or from a directory with the same keys.

Belongs here: which key a session has, which files are published, the bytes of one file as they came, and
why a file is not there. What the bytes mean (columns, refused rows) is decided by ingest; the Dagster
resource around this client lives in `dagster_resources`.
"""
# ruff: noqa: N818  (the errors are named after what happened)

import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from kapman_resources.errors import ConfigurationError, KapmanError, PermanentError, TransientError
from kapman_resources.sessions import file_due_at, is_session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

DAY_AGGS_PREFIX = "us_stocks_sip/day_aggs_v1/"
"""Where every daily file of the whole market is."""

TRANSFER_ATTEMPTS = 4
"""How often one file is asked for when its body breaks off; requests that fail are repeated by boto3."""

_BACKOFF_BASE_S = 0.5
_BACKOFF_CAP_S = 8.0

_S3_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")


class NotASession(PermanentError):
    """No file, and there never will be one: the exchange was closed. Skip the day."""


class NotPublishedYet(TransientError):
    """No file yet, and it is not late: ask again."""


class FileLate(PermanentError):
    """No file although it is due: take the day from REST, or wait until the listing shows the file."""


class AccessDenied(PermanentError):
    """403: wrong credentials, or a day that the plan does not include. Never a sign of a holiday."""


class BrokenTransfer(TransientError):
    """The file stopped coming: a short body, a reset connection, a read time-out."""


class StoreUnavailable(TransientError):
    """The store cannot be reached or is failing."""


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


def s3_client(
    endpoint_url: str,
    access_key: SecretStr | None,
    secret_key: SecretStr | None,
    *,
    connect_timeout: float = 10.0,
    read_timeout: float = 60.0,
    retries: int = 3,
) -> "S3Client":
    """Build the boto3 client that the vendor's S3 service needs.

    Args:
        endpoint_url: address of the S3 service.
        access_key: S3 access key id, not the key of the REST API.
        secret_key: its secret.
        connect_timeout: seconds.
        read_timeout: seconds without a byte.
        retries: how often boto3 repeats a request that failed, with backoff and jitter.

    Raises:
        ConfigurationError: a credential is missing, or the address is none. No request is made.
    """
    credentials = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    missing = [name for name, value in credentials.items() if not value]
    if access_key is None or secret_key is None or missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} not set: the flat files on S3 need the S3 credentials of the vendor's "
            "dashboard (not the REST key). Set them, or unset FLATFILES_URL for the simulated market."
        )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=access_key.get_secret_value(),
            aws_secret_access_key=secret_key.get_secret_value(),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                # S3-compatible services answer boto3's default checksums with errors.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
                retries={"max_attempts": retries, "mode": "standard"},
            ),
        )
    except ValueError:
        raise ConfigurationError(
            "FLATFILES_ENDPOINT_URL is not an address such as https://files.massive.com."
        ) from None


class S3Store:
    """Flat files in a bucket."""

    def __init__(self, client: "S3Client", bucket: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wrap a client.

        Args:
            client: as `s3_client` builds it.
            bucket: its name alone.
            sleep: waits that many seconds before a broken transfer is tried again.
        """
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"s3://{self._bucket}"

    def listing(self, prefix: str) -> list[tuple[str, str]]:
        """Every (key, ETag) below `prefix`."""
        what = f"listing {self!r}/{prefix}"
        found: list[tuple[str, str]] = []
        with self._explained(what):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                if "IsTruncated" not in page:
                    raise self._unusable(what, "the answer is no S3 listing")
                found.extend((item["Key"], item["ETag"].strip('"')) for item in page.get("Contents", []))
        return found

    def read(self, session: date) -> FlatFile:
        """The whole file of `session`; FileNotFoundError if there is none."""
        key = day_aggs_key(session)
        uri = f"{self!r}/{key}"
        what = f"session {session}, {uri}"
        reason = ""
        for attempt in range(TRANSFER_ATTEMPTS):
            if attempt:
                # Full jitter: workers that lost their connections together do not come back together.
                wait = random.uniform(0, min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2 ** (attempt - 1)))  # noqa: S311
                logger.warning("%s: %s; trying again in %.1f s", what, reason, wait)
                self._sleep(wait)
            with self._explained(what, session):
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            if "ETag" not in answer:
                raise self._unusable(what, "the answer is no S3 object")
            try:
                with closing(answer["Body"]) as stream:
                    body = stream.read()
            except (BotoCoreError, HTTPError) as error:
                reason = str(error)
            else:
                return FlatFile(session, key, answer["ETag"].strip('"'), body, uri)
        raise BrokenTransfer(
            f"{what}: the body broke off {TRANSFER_ATTEMPTS} times, last with: {reason}. "
            "Nothing was kept. Check the network and try again."
        )

    @contextmanager
    def _explained(self, what: str, session: date | None = None) -> Iterator[None]:
        # The causes are cut off (`from None`): what a server writes into an error may echo a credential.
        try:
            yield
        except ClientError as error:
            raise self._refusal(error, what, session) from None
        except HTTPClientError as error:
            raise BrokenTransfer(
                f"{what}: {self._host} stopped answering ({type(error).__name__}). Check the network and try again."
            ) from None
        except BotoCoreError as error:
            raise self._unusable(what, type(error).__name__) from None

    @property
    def _host(self) -> str | None:
        return urlsplit(self._client.meta.endpoint_url).hostname

    def _unusable(self, what: str, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{what}: no usable answer from {self._host} ({reason}). Check FLATFILES_ENDPOINT_URL and the network."
        )

    def _refusal(self, error: ClientError, what: str, session: date | None) -> KapmanError | FileNotFoundError:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        match status:
            case 404 if session is not None and code != "NoSuchBucket":
                return FileNotFoundError(what)
            case 404:
                return ConfigurationError(
                    f"{what}: no such bucket as {self._bucket}. Check FLATFILES_URL, FLATFILES_ENDPOINT_URL."
                )
            case 401 | 403:
                return AccessDenied(
                    f"{what}: {status} ({code}). Either the plan has no entitlement to it (plans include the "
                    "last years only; a listing may show more) or the credentials are wrong: check "
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and FLATFILES_URL."
                )
            case _ if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return StoreUnavailable(f"{what}: {status} ({code}). The store is failing for now; try again later.")
            case _:
                return PermanentError(f"{what}: {status} ({code}). Check FLATFILES_URL and FLATFILES_ENDPOINT_URL.")


class DirectoryStore:
    """Flat files in a directory."""

    def __init__(self, root: Path) -> None:
        """Take the directory that stands for the bucket.

        Raises:
            ConfigurationError: there is no such directory.
        """
        if not root.is_dir():
            raise ConfigurationError(
                f"FLATFILES_URL: there is no directory {root}. Run `kapman simulate` to write the simulated "
                "market, or set FLATFILES_URL to s3://bucket or to a directory of flat files."
            )
        self._root = root

    def __repr__(self) -> str:
        return str(self._root)

    def listing(self, prefix: str) -> list[tuple[str, str]]:
        """Every (key, ETag) below `prefix`."""
        files = sorted(path for path in (self._root / prefix).rglob("*.csv.gz") if path.is_file())
        return [(path.relative_to(self._root).as_posix(), _etag_of(path.stat())) for path in files]

    def read(self, session: date) -> FlatFile:
        """The whole file of `session`; FileNotFoundError if there is none."""
        key = day_aggs_key(session)
        path = self._root / key
        try:
            with path.open("rb") as stream:
                # The status of the open file: whoever replaces it now does not mix two files.
                etag = _etag_of(os.fstat(stream.fileno()))
                return FlatFile(session, key, etag, stream.read(), str(path))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"session {session}, {path}: {error.strerror}. Make the file readable.") from error


class FlatFiles:
    """The daily flat files of one store."""

    def __init__(
        self, store: S3Store | DirectoryStore, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
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
            return cls(DirectoryStore(Path(location).expanduser()))
        bucket = _S3_LOCATION.fullmatch(location)
        if bucket is None:
            raise ConfigurationError("FLATFILES_URL must be s3://bucket (no path behind it) or a directory.")
        return cls(S3Store(s3_client(endpoint_url, access_key, secret_key), bucket[1]))

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
        try:
            return self._store.read(session)
        except FileNotFoundError:
            raise judge_absence(session, self._clock()) from None

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


def _etag_of(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
