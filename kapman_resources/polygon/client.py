"""The endpoints that Kapman asks. Rows leave as the vendor wrote them; what they mean is decided elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from kapman_resources.polygon.answers import Page, Row
from kapman_resources.polygon.pages import RecordedPages, RestPages

PAGE_LIMIT = 1000
"""Rows asked for in one page; the vendor's maximum for tickers."""

CHAIN_PAGE_LIMIT = 250
"""Contracts asked for in one page; the vendor's maximum."""

CHAINS_PATH = "/v3/snapshot/options"
"""Where the option chains are, each under its underlying's symbol."""

T = TypeVar("T")


class Polygon:
    """The endpoints that Kapman asks.

    Ask inside `async with`, or through `ask` from code that is not asynchronous. Every iterator is lazy: an
    error after its first rows means that the list is not whole, so keep none as whole. All of them raise
    Refused or one of its kinds, VendorUnavailable or one of its kinds, EndlessPages, and from recorded pages
    NotRecorded and DamagedRecording.
    """

    def __init__(self, source: RestPages | RecordedPages) -> None:
        """Wrap a source of pages."""
        self._source = source

    @classmethod
    def open(cls, location: str, *, api_key: SecretStr | None, requests_per_second: float, concurrency: int) -> Self:
        """Open the location that the settings name. No request is made.

        Args:
            location: `https://host`, or a directory of recorded pages.
            api_key: the REST key; recorded pages need none.
            requests_per_second: bound for all requests together; a directory has none.
            concurrency: requests under way at once, likewise.

        Raises:
            ConfigurationError: the location is neither, or what it needs is missing.
        """
        if "://" in location:
            return cls(RestPages(location, api_key, requests_per_second=requests_per_second, concurrency=concurrency))
        return cls(RecordedPages(Path(location).expanduser()))

    def __repr__(self) -> str:
        return f"Polygon({self._source!r})"

    async def __aenter__(self) -> Self:
        await self._source.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._source.__aexit__()

    def ask(self, question: Callable[[Self], Awaitable[T]]) -> T:
        """Answer a caller that is not asynchronous: one event loop, and connections for as long as it lasts.

        Args:
            question: what to ask, for example `lambda client: client.grouped_daily(session)`.
        """

        async def answered() -> T:
            async with self:
                return await question(self)

        return asyncio.run(answered())

    async def tickers(self, *, active: bool) -> AsyncIterator[Row]:
        """Every stock that trades (`active`) or that does not any more."""
        params = {"market": "stocks", "active": str(active).lower(), "limit": str(PAGE_LIMIT)}
        async for row in self._rows("/v3/reference/tickers", params):
            # Recorded pages hold both kinds; a row that does not say is one that trades.
            if row.get("active", True) is active:
                yield row

    async def splits(self, *, since: date | None = None) -> AsyncIterator[Row]:
        """Every split executed on `since` or later; all of them if it is None."""
        params = {"limit": str(PAGE_LIMIT)}
        if since is not None:
            params["execution_date.gte"] = since.isoformat()
        async for row in self._rows("/stocks/v1/splits", params):
            # ISO dates sort as text.
            if since is None or str(row.get("execution_date", "")) >= since.isoformat():
                yield row

    async def grouped_daily(self, session: date) -> Row:
        """The unadjusted bars of the whole market on `session`: one answer with its `results`.

        `results` holds `T` (symbol), `o h l c`, `v` (shares), `vw`, `n` (trades) and `t` (milliseconds, end
        of day); it is absent when the vendor has no bar of that day.
        """
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{session:%Y-%m-%d}"
        return (await anext(self._source.pages(path, {"adjusted": "false"}))).content

    def chain(
        self,
        symbol: str,
        *,
        expiration_lte: date | None = None,
        strike_gte: float | None = None,
        strike_lte: float | None = None,
    ) -> AsyncIterator[Page]:
        """The pages of an underlying's option chain as it is now, sorted by contract; the vendor has no past one.

        One page without `results` means that there is no such contract, or no such underlying. Recorded chains
        are under their session, and read by `raw_pages`.

        Args:
            symbol: of the underlying, as the vendor writes it: `BRK.B`, `I:SPX`.
            expiration_lte: last expiration date to take.
            strike_gte: lowest strike to take, in dollars.
            strike_lte: highest strike to take, in dollars.
        """
        params = {"limit": str(CHAIN_PAGE_LIMIT), "sort": "ticker", "order": "asc"}
        if expiration_lte is not None:
            params["expiration_date.lte"] = expiration_lte.isoformat()
        if strike_gte is not None:
            params["strike_price.gte"] = _strike(strike_gte)
        if strike_lte is not None:
            params["strike_price.lte"] = _strike(strike_lte)
        return self._source.pages(f"{CHAINS_PATH}/{path_part(symbol, safe=':')}", params)

    async def _rows(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Row]:
        async for page in self._source.pages(path, params):
            for row in page.content.get("results") or []:
                yield row


async def collected(*lists: AsyncIterator[T]) -> list[T]:
    """Every item of some lists, one list after the other: all of them, or an error."""
    return [item for one in lists async for item in one]


def path_part(symbol: str, *, safe: str = "") -> str:
    """A symbol as one part of a path, whatever it holds: never empty, no slash, neither `.` nor `..`.

    Args:
        symbol: not empty.
        safe: characters to leave as they are besides letters, digits and `_.-~`.

    Raises:
        ValueError: it is empty.
    """
    if not symbol:
        raise ValueError("a symbol is empty")
    part = quote(symbol, safe=safe)
    return part if part.strip(".") else part.replace(".", "%2E")


def _strike(dollars: float) -> str:
    """Strikes have three decimals, and a number may have an exponent, which a query need not understand."""
    return f"{dollars:.3f}"
