"""The vendor's REST API: reference data and whole-market days, live or from recorded pages.

Belongs here: addresses, keys, pages, what to repeat and what an answer that is no answer means. Rows leave
as the vendor wrote them; what they mean is decided by the assets that ask for them.

Transport (`RestPages`, `RecordedPages`), the waits between attempts (`retry_wait_s`) and the reading of
answers (`parse_page`, `detail_of`, `refusal_of`) know nothing of each other's insides.
"""
# ruff: noqa: N818  (the errors are named after what happened)

import gzip
import json
import logging
import random
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError

logger = logging.getLogger(__name__)

Row = dict[str, Any]
"""One JSON object of an answer, as the vendor wrote it."""

PAGE_LIMIT = 1000
"""Rows asked for in one page; the vendor's maximum for tickers."""

MAX_PAGES = 1000
"""Pages of one list; the longest real one (every delisted ticker) has some dozens."""

MAX_ATTEMPTS = 5
MAX_WAIT_S = 60.0
"""Longest wait before an attempt, whatever Retry-After says."""

_BACKOFF_BASE_S = 0.5
_RATE_LIMIT_BASE_S = 15.0
"""Plans count requests by the minute: waits that end within seconds would all be refused again."""

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_DETAIL_CHARS = 300
_PAGE_NAME = re.compile(r"(\d{4})\.json(\.gz)?")


class Refused(PermanentError):
    """The vendor understood and refused: asking again gives the same answer."""


class KeyRejected(Refused):
    """401: the key is not known."""


class NotEntitled(Refused):
    """403: the plan does not include the endpoint or the day."""


class NotFound(Refused):
    """404: the vendor has nothing there."""


class EndlessPages(PermanentError):
    """The pages of a list lead back to one of them, or there are more than any list has."""


class NotRecorded(PermanentError):
    """The recording does not hold this answer."""


class DamagedRecording(PermanentError):
    """The recording holds this answer, but not whole; unlike one that is absent, nothing may replace it."""


class VendorUnavailable(TransientError):
    """No answer, or a 5xx.

    Attributes:
        retry_after_s: seconds that the vendor asked to wait; None if it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(VendorUnavailable):
    """429: too many requests."""


class BadAnswer(VendorUnavailable):
    """A 200 whose body is not what the endpoint sends, as proxies and cut connections make them."""


def parse_page(body: bytes) -> Row:
    """Read one answer.

    Args:
        body: JSON text, not compressed.

    Returns:
        The whole object. `results` and `next_url` may be absent; if they are there they are a list of
        objects and a string, unless the endpoint answers with one object.

    Raises:
        ValueError: it is no such object; the message holds nothing of the body.
    """
    page = json.loads(body)
    if not isinstance(page, dict):
        raise ValueError("not a JSON object")
    rows = page.get("results") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("`results` is not a list of objects")
    if not isinstance(page.get("next_url") or "", str):
        raise ValueError("`next_url` is not a string")
    return page


def detail_of(text: str) -> str:
    """What the body of an error says: `error` or `message` of the JSON shapes, else the text itself."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        said = answer.get("error") or answer.get("message") or answer.get("status")
        text = f"{said}; request {answer['request_id']}" if answer.get("request_id") else str(said)
    return " ".join(text.split()) or "empty body"


def refusal_of(
    status: int, detail: str, where: str, *, retry_after_s: float | None = None
) -> Refused | VendorUnavailable:
    """The error that an answer other than a good 200 means.

    Args:
        status: HTTP status.
        detail: what its body says, secrets already taken out.
        where: the request, for the message.
        retry_after_s: seconds, from the Retry-After header.
    """
    said = f"{where}: {status} ({detail[:_DETAIL_CHARS]})."
    match status:
        case 401:
            return KeyRejected(f"{said} The key is not accepted: check POLYGON_API_KEY.")
        case 403:
            return NotEntitled(
                f"{said} The plan of POLYGON_API_KEY has no entitlement to it: change the plan, or set "
                "OPTIONS_URL to a directory of recorded pages."
            )
        case 404:
            return NotFound(f"{said} Check OPTIONS_URL, and whether the vendor has this day or name.")
        case 429:
            return RateLimited(
                f"{said} Too many requests for the plan of POLYGON_API_KEY: try again later.",
                retry_after_s=retry_after_s,
            )
        case _ if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return VendorUnavailable(
                f"{said} The vendor is failing for now: try again later.", retry_after_s=retry_after_s
            )
        case _:
            return Refused(f"{said} The vendor does not answer such a request: check OPTIONS_URL.")


def retry_after_of(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, either of its two forms; None if it says nothing.

    Args:
        header: its text.
        now: an aware datetime, for the date form.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    # "-0000" gives a naive time; it is UTC like every other time of HTTP.
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())


def retry_wait_s(error: VendorUnavailable, attempt: int) -> float:
    """Seconds to wait after `error` in attempt number `attempt` (from 1): Retry-After, else full jitter."""
    if error.retry_after_s is not None:
        return min(error.retry_after_s, MAX_WAIT_S)
    base = _RATE_LIMIT_BASE_S if isinstance(error, RateLimited) else _BACKOFF_BASE_S
    return random.uniform(0, min(MAX_WAIT_S, base * 2 ** (attempt - 1)))  # noqa: S311


class RestPages:
    """Pages from the vendor over HTTP."""

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr | None,
        *,
        timeout: httpx.Timeout = _TIMEOUT,
        max_pages: int = MAX_PAGES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare a client. No request is made.

        Args:
            base_url: scheme, host and port: `https`, or `http` on this machine.
            api_key: sent as a Bearer token, never in an address.
            timeout: seconds, for each attempt.
            max_pages: bound for one list.
            sleep: waits that many seconds between attempts.

        Raises:
            ConfigurationError: the address or the key cannot work.
        """
        self._base = _checked_base(base_url)
        self._key = _checked_key(api_key)
        self._max_pages = max_pages
        self._sleep = sleep
        self._client = httpx.Client(
            timeout=timeout,
            # A redirect could lead to another host, and the key with it.
            follow_redirects=False,
            headers={"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
        )

    def __repr__(self) -> str:
        return self._base

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def pages(self, path: str, params: Mapping[str, str]) -> Iterator[Row]:
        """Each page of one list, in order; an error after the first means that the list is not whole."""
        url = f"{self._base}{path}?{urlencode(params)}"
        seen: set[str] = set()
        while url not in seen:
            if len(seen) == self._max_pages:
                raise EndlessPages(f"GET {self._base}{path}: more than {self._max_pages} pages; stopped.")
            seen.add(url)
            page = self._page(url)
            yield page
            if not page.get("next_url"):
                return
            url = self._pinned(page["next_url"])
        raise EndlessPages(f"GET {self._base}{path}: page {len(seen)} leads back to an earlier one; stopped.")

    def _page(self, url: str) -> Row:
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                return self._attempt(url)
            except VendorUnavailable as error:
                wait = retry_wait_s(error, attempt)
                logger.warning("%s Attempt %d of %d; next in %.1f s.", error, attempt, MAX_ATTEMPTS, wait)
                self._sleep(wait)
        return self._attempt(url)

    def _attempt(self, url: str) -> Row:
        where = f"GET {self._redacted(url.partition('?')[0])}"
        # Causes are cut off (`from None`): a broken answer may quote the request that it answers.
        try:
            response = self._client.get(url)
        except httpx.HTTPError as error:
            raise VendorUnavailable(
                f"{where}: no answer ({type(error).__name__}: {self._redacted(str(error))}). "
                "Check OPTIONS_URL and the network."
            ) from None
        if response.status_code == httpx.codes.OK:
            try:
                page = parse_page(response.content)
            except ValueError as error:
                raise BadAnswer(f"{where}: 200, but {error}. Check OPTIONS_URL and the network.") from None
            if _is_good(page):
                return page
        raise refusal_of(
            response.status_code,
            self._redacted(detail_of(response.text)),
            where,
            retry_after_s=retry_after_of(response.headers.get("Retry-After"), datetime.now(UTC)),
        )

    def _pinned(self, next_url: str) -> str:
        """`next_url` on the configured host, without a key: the vendor may still name its old host."""
        try:
            target = httpx.URL(next_url)
        except httpx.InvalidURL:
            raise BadAnswer(f"{self._base}: a page's next_url is no address. Try again later.") from None
        path = target.raw_path.decode().partition("?")[0].lstrip("/")
        parts = target.query.decode().split("&")
        query = "&".join(part for part in parts if part.partition("=")[0].lower() != "apikey")
        return f"{self._base}/{path}?{query}"

    def _redacted(self, text: str) -> str:
        for form in (self._key, quote(self._key, safe="")):
            text = text.replace(form, "***")
        return text


class RecordedPages:
    """Pages from a directory: `<root>/<path of the address>/0001.json.gz`, `0002.json.gz`, and so on."""

    def __init__(self, root: Path) -> None:
        """Take the directory that stands for the host.

        Raises:
            ConfigurationError: there is no such directory.
        """
        if not root.is_dir():
            raise ConfigurationError(
                f"OPTIONS_URL: there is no directory {root}. Run `kapman simulate` to write the simulated "
                "market, or set OPTIONS_URL to https://api.massive.com or to a directory of recorded pages."
            )
        self._root = root

    def __repr__(self) -> str:
        return str(self._root)

    def close(self) -> None:
        """Nothing is held open."""

    def pages(self, path: str, _params: Mapping[str, str]) -> Iterator[Row]:
        """Each recorded page of `path`, in order; what the parameters would leave out is still in them."""
        folder = self._root / path.lstrip("/")
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        numbered = [(int(name[1]), file) for file in found if (name := _PAGE_NAME.fullmatch(file.name))]
        if not numbered:
            raise NotRecorded(f"No page is recorded in {folder}. Record it there, or set OPTIONS_URL.")
        if [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
            raise DamagedRecording(f"The pages in {folder} are not 0001, 0002 … each once: record them again.")
        for _, file in numbered:
            yield _recorded(file)


class Polygon:
    """The endpoints that Kapman asks.

    Every iterator is lazy: an error after its first rows means that the list is not whole, so keep none.
    All of them raise Refused or one of its kinds, VendorUnavailable or one of its kinds, EndlessPages, and
    from recorded pages NotRecorded and DamagedRecording.
    """

    def __init__(self, source: RestPages | RecordedPages) -> None:
        """Wrap a source of pages."""
        self._source = source

    @classmethod
    def open(cls, location: str, *, api_key: SecretStr | None) -> Self:
        """Open the location that the settings name. No request is made.

        Args:
            location: `https://host`, or a directory of recorded pages.
            api_key: the REST key; recorded pages need none.

        Raises:
            ConfigurationError: the location is neither, or what it needs is missing.
        """
        if "://" in location:
            return cls(RestPages(location, api_key))
        return cls(RecordedPages(Path(location).expanduser()))

    def __repr__(self) -> str:
        return f"Polygon({self._source!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._source.close()

    def tickers(self, *, active: bool) -> Iterator[Row]:
        """Every stock that trades (`active`) or that does not any more."""
        params = {"market": "stocks", "active": str(active).lower(), "limit": str(PAGE_LIMIT)}
        for row in self._rows("/v3/reference/tickers", params):
            # Recorded pages hold both kinds; a row that does not say is one that trades.
            if row.get("active", True) is active:
                yield row

    def splits(self, *, since: date | None = None) -> Iterator[Row]:
        """Every split executed on `since` or later; all of them if it is None."""
        params = {"limit": str(PAGE_LIMIT)}
        if since is not None:
            params["execution_date.gte"] = since.isoformat()
        for row in self._rows("/stocks/v1/splits", params):
            # ISO dates sort as text.
            if since is None or str(row.get("execution_date", "")) >= since.isoformat():
                yield row

    def grouped_daily(self, session: date) -> Row:
        """The unadjusted bars of the whole market on `session`: one answer with its `results`.

        `results` holds `T` (symbol), `o h l c`, `v` (shares), `vw`, `n` (trades) and `t` (milliseconds, end
        of day); it is absent when the vendor has no bar of that day.
        """
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{session:%Y-%m-%d}"
        return next(self._source.pages(path, {"adjusted": "false"}))

    def _rows(self, path: str, params: Mapping[str, str]) -> Iterator[Row]:
        for page in self._source.pages(path, params):
            yield from page.get("results") or []


def _is_good(page: Row) -> bool:
    return str(page.get("status", "OK")) in {"OK", "DELAYED"}


def _checked_base(location: str) -> str:
    """Scheme, host and port of `location`, which must hold nothing else."""
    # Not quoted in the error: an address with a user or a query may hold a secret.
    refused = ConfigurationError(
        "OPTIONS_URL must be https://host such as https://api.massive.com, without path, query or user, "
        "or a directory of recorded pages."
    )
    try:
        target = httpx.URL(location)
    except httpx.InvalidURL:
        raise refused from None
    extra = target.path.strip("/") or target.query or target.fragment or target.userinfo
    if target.scheme not in {"http", "https"} or not target.host or extra:
        raise refused
    if target.scheme == "http" and not _is_loopback(target.host):
        raise ConfigurationError(
            f"OPTIONS_URL: http://{target.host} would carry POLYGON_API_KEY in the clear; use https."
        )
    return f"{target.scheme}://{target.netloc.decode()}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(api_key: SecretStr | None) -> str:
    if not api_key:
        raise ConfigurationError(
            "POLYGON_API_KEY is not set, and OPTIONS_URL points at the live REST API. Set the key, or set "
            "OPTIONS_URL to a directory of recorded pages."
        )
    key = api_key.get_secret_value()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigurationError(
            "POLYGON_API_KEY holds a space or a character that no header can carry: copy it again."
        )
    return key


def _recorded(file: Path) -> Row:
    try:
        body = file.read_bytes()
        page = parse_page(gzip.decompress(body) if file.suffix == ".gz" else body)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DamagedRecording(f"{file} is damaged ({error}): record it again.") from error
    if not _is_good(page):
        raise DamagedRecording(f"{file} holds an error answer ({page['status']}): record it again.")
    return page
