"""Whole objects under keys, in an S3 bucket or in a directory with the same keys: list, read, write.

Belongs here: the S3 client, and what a store's failures mean, in the words of the variables that mend them.
What a key means, and what is in an object, is decided by `flatfiles` and `raw_pages`.
"""
# ruff: noqa: N818  (the errors are named after what happened)

import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from kapman_resources.errors import ConfigurationError, KapmanError, PermanentError, TransientError

if TYPE_CHECKING:
    from botocore.paginate import PageIterator
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.paginator import ListObjectsV2Paginator
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

logger = logging.getLogger(__name__)

TRANSFER_ATTEMPTS = 4
"""How often one object is asked for when its body breaks off; requests that fail are repeated by boto3."""

_BACKOFF_BASE_S = 0.5
_BACKOFF_CAP_S = 8.0

_S3_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


class AccessDenied(PermanentError):
    """403: wrong credentials, or an object that they do not open."""


class BrokenTransfer(TransientError):
    """The object stopped coming: a short body, a reset connection, a read time-out."""


class StoreUnavailable(TransientError):
    """The store cannot be reached, is failing, or is full."""


@dataclass(frozen=True)
class Variables:
    """What the errors of one store tell the reader to look at.

    Attributes:
        location: variable of the bucket or directory.
        endpoint: variable of the S3 service's address.
        access_key: variable of the S3 access key id.
        secret_key: variable of its secret.
        credentials: which credentials these are, and what to do without.
        denied: what a 403 can mean.
    """

    location: str
    endpoint: str
    access_key: str
    secret_key: str
    credentials: str
    denied: str


@dataclass(frozen=True)
class Stored:
    """One object: its bytes, what changes whenever it is written again, and where it is."""

    body: bytes = field(repr=False)
    etag: str
    uri: str


class Listed(NamedTuple):
    """One object of a listing."""

    key: str
    etag: str


def bucket_and_prefix(location: str) -> tuple[str, str] | None:
    """The two parts of `s3://bucket/prefix`, without slashes at their ends; None if it is no such address."""
    found = _S3_LOCATION.fullmatch(location)
    return None if found is None else (found[1], (found[2] or "").strip("/"))


def s3_client(
    variables: Variables,
    endpoint_url: str | None,
    access_key: SecretStr | None,
    secret_key: SecretStr | None,
    *,
    connect_timeout: float = 10.0,
    read_timeout: float = 60.0,
    retries: int = 3,
) -> "S3Client":
    """Build a boto3 client that the S3 services of other makers understand, too.

    Args:
        variables: what errors call the other arguments.
        endpoint_url: address of the S3 service; None is AWS.
        access_key: S3 access key id, not the key of the REST API.
        secret_key: its secret.
        connect_timeout: seconds.
        read_timeout: seconds without a byte.
        retries: how often boto3 repeats a request that failed, with backoff and jitter.

    Raises:
        ConfigurationError: a credential is missing, or the address is none. No request is made.
    """
    credentials = {variables.access_key: access_key, variables.secret_key: secret_key}
    missing = [name for name, value in credentials.items() if not value]
    if access_key is None or secret_key is None or missing:
        raise ConfigurationError(f"{' and '.join(missing)} not set: {variables.credentials}")
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
        raise ConfigurationError(f"{variables.endpoint} is not an address such as https://files.massive.com.") from None


class Bucket:
    """Objects of an S3 bucket."""

    def __init__(
        self,
        client: "S3Client",
        name: str,
        variables: Variables,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Wrap a client.

        Args:
            client: as `s3_client` builds it.
            name: the bucket's name alone.
            variables: what errors tell the reader to look at.
            sleep: waits that many seconds before a broken transfer is tried again.
        """
        self._client = client
        self._name = name
        self._variables = variables
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"s3://{self._name}"

    def uri(self, key: str) -> str:
        """Where `key` is."""
        return f"{self!r}/{key}"

    def listing(self, folder: str) -> list[Listed]:
        """Every object below `folder`, which ends with a slash."""
        pages = self._paginator().paginate(Bucket=self._name, Prefix=folder)
        found = [item for page in self._pages(pages, folder) for item in page.get("Contents", [])]
        return [Listed(item["Key"], item["ETag"].strip('"')) for item in found]

    def folders(self, folder: str) -> list[str]:
        """The names directly below `folder`, which ends with a slash, that have objects below them."""
        pages = self._paginator().paginate(Bucket=self._name, Prefix=folder, Delimiter="/")
        found = [item["Prefix"] for page in self._pages(pages, folder) for item in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(folder).rstrip("/") for prefix in found]

    def read(self, key: str, *, what: str = "") -> Stored:
        """One whole object.

        Args:
            key: of the object.
            what: what it is for the reader of an error, such as "session 2024-07-01".

        Raises:
            FileNotFoundError: there is none.
            AccessDenied: the store refused.
            BrokenTransfer: the body broke off every time.
            StoreUnavailable: the store did not answer.
        """
        what = f"{what}, {self.uri(key)}" if what else self.uri(key)
        reason = ""
        for attempt in range(TRANSFER_ATTEMPTS):
            if attempt:
                # Full jitter: workers that lost their connections together do not come back together.
                wait = random.uniform(0, min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2 ** (attempt - 1)))  # noqa: S311
                logger.warning("%s: %s; trying again in %.1f s", what, reason, wait)
                self._sleep(wait)
            with self._explained(what, may_be_absent=True):
                answer = self._client.get_object(Bucket=self._name, Key=key)
            if "ETag" not in answer:
                raise self._unusable(what, "the answer is no S3 object")
            try:
                with closing(answer["Body"]) as stream:
                    body = stream.read()
            except (BotoCoreError, HTTPError) as error:
                reason = str(error)
            else:
                return Stored(body, answer["ETag"].strip('"'), self.uri(key))
        raise BrokenTransfer(
            f"{what}: the body broke off {TRANSFER_ATTEMPTS} times, last with: {reason}. "
            "Nothing was kept. Check the network and try again."
        )

    def write(self, key: str, body: bytes) -> None:
        """Put one object: whole or not at all, in place of one that was there.

        Raises:
            AccessDenied: the store refused.
            BrokenTransfer, StoreUnavailable: the store did not take it.
        """
        with self._explained(f"{self._variables.location}: writing {self.uri(key)}"):
            self._client.put_object(Bucket=self._name, Key=key, Body=body)

    def _paginator(self) -> "ListObjectsV2Paginator":
        return self._client.get_paginator("list_objects_v2")

    def _pages(
        self, pages: "PageIterator[ListObjectsV2OutputTypeDef]", folder: str
    ) -> "Iterator[ListObjectsV2OutputTypeDef]":
        what = f"listing {self.uri(folder)}"
        with self._explained(what):
            for page in pages:
                if "IsTruncated" not in page:
                    raise self._unusable(what, "the answer is no S3 listing")
                yield page

    @contextmanager
    def _explained(self, what: str, *, may_be_absent: bool = False) -> Iterator[None]:
        # The causes are cut off (`from None`): what a server writes into an error may echo a credential.
        try:
            yield
        except ClientError as error:
            raise self._refusal(error, what, may_be_absent=may_be_absent) from None
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
            f"{what}: no usable answer from {self._host} ({reason}). Check {self._variables.endpoint} and the network."
        )

    def _refusal(self, error: ClientError, what: str, *, may_be_absent: bool) -> KapmanError | FileNotFoundError:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        names = self._variables
        match status:
            case 404 if may_be_absent and code != "NoSuchBucket":
                return FileNotFoundError(what)
            case 404:
                return ConfigurationError(
                    f"{what}: no such bucket as {self._name}. Check {names.location}, {names.endpoint}."
                )
            case 401 | 403:
                return AccessDenied(
                    f"{what}: {status} ({code}). {names.denied}: check "
                    f"{names.access_key}, {names.secret_key} and {names.location}."
                )
            case _ if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return StoreUnavailable(f"{what}: {status} ({code}). The store is failing for now; try again later.")
            case _:
                return PermanentError(f"{what}: {status} ({code}). Check {names.location} and {names.endpoint}.")


class Directory:
    """Objects as files below a directory."""

    def __init__(self, root: Path, variables: Variables) -> None:
        """Take the directory that stands for the bucket; one that is not there yet is empty."""
        self._root = root
        self._variables = variables

    def __repr__(self) -> str:
        return str(self._root)

    def uri(self, key: str) -> str:
        """Where `key` is."""
        return str(self._root / key)

    def listing(self, folder: str) -> list[Listed]:
        """Every file below `folder`, sorted."""
        found = []
        for place, _, names in os.walk(self._root / folder, onerror=self._raise_if_there):
            for path in (Path(place, name) for name in names):
                # One that is replaced or deleted meanwhile is none.
                with suppress(FileNotFoundError):
                    found.append(Listed(path.relative_to(self._root).as_posix(), _etag_of(path.stat())))
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        """The directories directly below `folder`, sorted."""
        try:
            return sorted(entry.name for entry in os.scandir(self._root / folder) if entry.is_dir())
        except OSError as error:
            self._raise_if_there(error)
            return []

    def read(self, key: str, *, what: str = "") -> Stored:
        """One whole file.

        Args:
            key: of the file, below the directory.
            what: what it is for the reader of an error, such as "session 2024-07-01".

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: it cannot be read.
        """
        path = self._root / key
        try:
            with path.open("rb") as stream:
                # The status of the open file: whoever replaces it now does not mix two files.
                etag = _etag_of(os.fstat(stream.fileno()))
                return Stored(stream.read(), etag, str(path))
        except FileNotFoundError:
            raise
        except OSError as error:
            where = f"{what}, {path}" if what else str(path)
            raise StoreUnavailable(f"{where}: {error.strerror}. Make the file readable.") from error

    def write(self, key: str, body: bytes) -> None:
        """Write one file: whole or not at all, in place of one that was there.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        path = self._root / key
        unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(body)
            unfinished.replace(path)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise StoreUnavailable(
                f"{self._variables.location}: writing {path}: {error.strerror}. Make room there, or name a place "
                "that can be written."
            ) from error

    def _raise_if_there(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise StoreUnavailable(
                f"{self._variables.location}: {error.filename}: {error.strerror}. Make it readable."
            ) from error


def _etag_of(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
