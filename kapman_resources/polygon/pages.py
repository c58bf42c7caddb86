"""Pages of the vendor's lists, over HTTP or from a recording: addresses, keys, repeated attempts, order.

What an answer means is decided in `answers`, which endpoints there are in `client`.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError
from kapman_resources.polygon.answers import (
    BadAnswer,
    DamagedRecording,
    EndlessPages,
    NotRecorded,
    Page,
    RateLimited,
    VendorUnavailable,
    detail_of,
    is_good,
    parse_page,
    parse_stored,
    refusal_of,
    retry_after_of,
    retry_wait_s,
)
from kapman_resources.polygon.pace import Pace

logger = logging.getLogger(__name__)

MAX_PAGES = 1000
"""Pages of one list; the longest real one (every delisted ticker) has some dozens."""

MAX_ATTEMPTS = 5

MAX_BODY_BYTES = 64_000_000
"""Of one answer; the longest real one (every stock on one day) has some two million."""

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_ATTEMPT_S = 60.0
_PAGE_NAME = re.compile(r"(\d{4})\.json(\.gz)?")


class RestPages:
    """Pages from the vendor over HTTP.

    Connections are open inside `async with`, in one event loop at a time, and it may be entered again after it ended.
    """

    _client: httpx.AsyncClient
    _pace: Pace

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr | None,
        *,
        requests_per_second: float,
        concurrency: int,
        timeout: httpx.Timeout = _TIMEOUT,
        attempt_s: float = _ATTEMPT_S,
        max_pages: int = MAX_PAGES,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare a client. No request is made.

        Args:
            base_url: scheme, host and port: `https`, or `http` on this machine.
            api_key: sent as a Bearer token, never in an address.
            requests_per_second: bound for all lists together.
            concurrency: requests under way at once, likewise.
            timeout: seconds to connect, and between two reads.
            attempt_s: seconds for one whole answer: one that drips never times out between reads.
            max_pages: bound for one list.
            clock: seconds that only grow.
            sleep: waits that many seconds of `clock`.

        Raises:
            ConfigurationError: the address or the key cannot work.
        """
        self._base = _checked_base(base_url)
        self._key = _checked_key(api_key)
        self._requests_per_second = requests_per_second
        self._concurrency = concurrency
        self._timeout = timeout
        self._attempt_s = attempt_s
        self._max_pages = max_pages
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return self._base

    async def __aenter__(self) -> Self:
        self._pace = Pace(
            requests_per_second=self._requests_per_second,
            concurrency=self._concurrency,
            clock=self._clock,
            sleep=self._sleep,
        )
        self._client = httpx.AsyncClient(
            timeout=self._timeout,
            # The pace bounds them; a pool that bounds them too would time out where it waits.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=self._concurrency),
            # A redirect could lead to another host, and the key with it.
            follow_redirects=False,
            headers={"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Page]:
        """Each page of one list, in order; an error after the first means that the list is not whole."""
        url = f"{self._base}{path}?{urlencode(params)}"
        seen: set[str] = set()
        while url not in seen:
            if len(seen) == self._max_pages:
                raise EndlessPages(f"GET {self._base}{path}: more than {self._max_pages} pages; stopped.")
            seen.add(url)
            page = await self._page(url)
            yield page
            if not page.content.get("next_url"):
                return
            url = self._pinned(page.content["next_url"])
        raise EndlessPages(f"GET {self._base}{path}: page {len(seen)} leads back to an earlier one; stopped.")

    async def _page(self, url: str) -> Page:
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                return await self._attempt(url)
            except VendorUnavailable as error:
                wait = retry_wait_s(error, attempt)
                logger.warning("%s Attempt %d of %d; next in %.1f s.", error, attempt, MAX_ATTEMPTS, wait)
                if isinstance(error, RateLimited) and error.retry_after_s is not None:
                    # The limit is the key's: whatever else is asked with it would be refused, too.
                    self._pace.pause(wait)
                else:
                    await self._sleep(wait)
        return await self._attempt(url)

    async def _attempt(self, url: str) -> Page:
        where = f"GET {self._redacted(url.partition('?')[0])}"
        # Causes are cut off (`from None`): a broken answer may quote the request that it answers.
        try:
            async with self._pace.turn(), asyncio.timeout(self._attempt_s):
                response, body = await self._answer(url)
        except TimeoutError:
            raise VendorUnavailable(
                f"{where}: no whole answer within {self._attempt_s:g} s. Check OPTIONS_URL and the network."
            ) from None
        except httpx.HTTPError as error:
            raise VendorUnavailable(
                f"{where}: no answer ({type(error).__name__}: {self._redacted(str(error))}). "
                "Check OPTIONS_URL and the network."
            ) from None
        if len(body) > MAX_BODY_BYTES:
            raise BadAnswer(f"{where}: more than {MAX_BODY_BYTES:,} bytes. Check OPTIONS_URL and the network.")
        if response.status_code == httpx.codes.OK:
            try:
                content = parse_page(body)
            except ValueError as error:
                raise BadAnswer(f"{where}: 200, but {error}. Check OPTIONS_URL and the network.") from None
            if is_good(content):
                return Page(body, content)
        raise refusal_of(
            response.status_code,
            self._redacted(detail_of(body.decode(errors="replace"))),
            where,
            retry_after_s=retry_after_of(response.headers.get("Retry-After"), datetime.now(UTC)),
        )

    async def _answer(self, url: str) -> tuple[httpx.Response, bytes]:
        """An answer with its body; one that is too long is left where it becomes so."""
        body = bytearray()
        async with self._client.stream("GET", url) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    break
        return response, bytes(body)

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
        self._root = checked_recording(root)

    def __repr__(self) -> str:
        return str(self._root)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held open."""

    async def pages(self, path: str, _params: Mapping[str, str]) -> AsyncIterator[Page]:
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


def checked_recording(root: Path) -> Path:
    """The directory that OPTIONS_URL names.

    Raises:
        ConfigurationError: there is no such directory.
    """
    if not root.is_dir():
        raise ConfigurationError(
            f"OPTIONS_URL: there is no directory {root}. Run `kapman simulate` to write the simulated "
            "market, or set OPTIONS_URL to https://api.massive.com or to a directory of recorded pages."
        )
    return root


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


def _recorded(file: Path) -> Page:
    try:
        return parse_stored(file.read_bytes(), is_gzipped=file.suffix == ".gz")
    except (OSError, ValueError) as error:
        raise DamagedRecording(f"{file} is damaged ({error}): record it again.") from error
