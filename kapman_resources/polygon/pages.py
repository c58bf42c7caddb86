"""Pages of the vendor's lists, over HTTP or from a recording: addresses, keys, repeated attempts, order.

What an answer means is decided in `answers`, which endpoints there are in `client`.
"""

import gzip
import logging
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError
from kapman_resources.polygon.answers import (
    BadAnswer,
    DamagedRecording,
    EndlessPages,
    NotRecorded,
    Row,
    VendorUnavailable,
    detail_of,
    is_good,
    parse_page,
    refusal_of,
    retry_after_of,
    retry_wait_s,
)

logger = logging.getLogger(__name__)

MAX_PAGES = 1000
"""Pages of one list; the longest real one (every delisted ticker) has some dozens."""

MAX_ATTEMPTS = 5

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_PAGE_NAME = re.compile(r"(\d{4})\.json(\.gz)?")


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
            if is_good(page):
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
    if not is_good(page):
        raise DamagedRecording(f"{file} holds an error answer ({page['status']}): record it again.")
    return page
