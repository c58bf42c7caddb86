"""The endpoints that Kapman asks. Rows leave as the vendor wrote them; what they mean is decided elsewhere."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from kapman_resources.polygon.answers import Row
from kapman_resources.polygon.pages import RecordedPages, RestPages

PAGE_LIMIT = 1000
"""Rows asked for in one page; the vendor's maximum for tickers."""


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
