"""Thin Dagster resources around the plain clients of this package.

Each field left empty is taken from the settings when a run starts, never at import; a test or another
deployment fills it instead. Anything with logic belongs in the client, not here.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster_aws.s3 import S3Resource
from pydantic import Field, PrivateAttr, SecretStr

from kapman_resources.advisor import open_provider
from kapman_resources.advisor.protocol import Provider
from kapman_resources.database import database_urls, make_engine
from kapman_resources.flatfiles import FlatFiles
from kapman_resources.market import claim_market
from kapman_resources.polygon import Polygon
from kapman_resources.raw_pages import RawPages
from kapman_resources.settings import MarketKind, Settings, load_settings, market_kind_of


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database of every table, as SQLAlchemy engines named after the asset that uses them."""

    url: str = Field(default="", description="postgresql:// address; empty: DATABASE_URL or the embedded server")

    _url: str = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Find the database, starting the embedded one if need be."""
        del context
        self._url = self.url or database_urls(load_settings()).warehouse

    @contextmanager
    def engine(self, user: str) -> Iterator[sa.Engine]:
        """An engine whose connections the server lists as `dagster:<user>`, closed with the block."""
        engine = make_engine(self._url, application_name=f"dagster:{user}")
        try:
            yield engine
        finally:
            engine.dispose()

    def claim(self, engine: sa.Engine, kind: MarketKind, source: str) -> None:
        """Refuse to write a market of another kind than the one this database holds."""
        with engine.begin() as connection:
            claim_market(connection, kind, source)


class FlatFilesResource(S3Resource):
    """The vendor's flat files, on S3 or in a directory."""

    location: str = Field(default="", description="s3://bucket or a directory; empty: FLATFILES_URL")

    def get_object_to_set_on_execution_context(self) -> "FlatFilesResource":
        """This resource, which opens a store when it is asked to: its parent makes a client of S3 for every step."""
        return self

    def client(self) -> FlatFiles:
        """Open the store.

        Raises:
            ConfigurationError: credentials are missing, or the directory is.
        """
        settings = load_settings()
        location = self.location or settings.flatfiles_location
        return FlatFiles.open(
            location,
            endpoint_url=self._endpoint(settings),
            access_key=_secret(self.aws_access_key_id) or settings.aws_access_key_id,
            secret_key=_secret(self.aws_secret_access_key) or settings.aws_secret_access_key,
        )

    def source(self) -> tuple[MarketKind, str]:
        """The kind of market that the files are of, and where they are."""
        settings = load_settings()
        if not self.location:
            return settings.market_kind, settings.flatfiles_location
        return market_kind_of(self.location, self._endpoint(settings)), self.location

    def _endpoint(self, settings: Settings) -> str:
        return self.endpoint_url or settings.flatfiles_endpoint_url


class PolygonResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The vendor's REST API, live or as recorded pages (a configuration may have neither), and the raw store."""

    location: str = Field(default="", description="https address or a directory of pages; empty: OPTIONS_URL")
    api_key: str = Field(default="", description="Bearer key; empty: POLYGON_API_KEY")
    raw_location: str = Field(default="", description="s3://bucket/prefix or a directory; empty: RAW_URL")

    def source(self) -> str | None:
        """Where this configuration asks: an https address, a directory of recorded pages, or nowhere."""
        return self.location or load_settings().reference_location

    def is_live(self) -> bool:
        """Whether there is someone to ask for a chain as it is now."""
        return "://" in (self.source() or "")

    def client(self) -> Polygon | None:
        """Open the client; None where this configuration has no source.

        Raises:
            ConfigurationError: the key is missing, or the directory is.
        """
        settings, location = load_settings(), self.source()
        if location is None:
            return None
        return Polygon.open(
            location,
            api_key=_secret(self.api_key) or settings.polygon_api_key,
            requests_per_second=settings.polygon_requests_per_second,
            concurrency=settings.polygon_concurrency,
        )

    def chains_recorded(self) -> RawPages | None:
        """The chains of a recorded source; None where the source is live or there is none.

        Raises:
            ConfigurationError: the directory is missing.
        """
        location = self.source()
        return None if location is None or self.is_live() else RawPages.recorded(Path(location).expanduser())

    def raw(self) -> RawPages:
        """Open the store that keeps the chains of a live source.

        Raises:
            ConfigurationError: credentials are missing.
        """
        settings = load_settings()
        access_key, secret_key = settings.raw_credentials
        return RawPages.open(
            self.raw_location or settings.raw_location,
            endpoint_url=settings.raw_endpoint_url,
            access_key=access_key,
            secret_key=secret_key,
        )


class AdvisorResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The model that AI_PROVIDER names."""

    past_sessions: int = Field(default=3, description="sessions before the newest that it is still asked about")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Provider | None]:
        """The model, with connections that are closed with the block; None for the rules, which need none.

        Raises:
            ConfigurationError: its key is missing.
        """
        provider = open_provider(load_settings())
        if provider is None:
            yield None
            return
        async with provider:
            yield provider


def _secret(value: str | None) -> SecretStr | None:
    return SecretStr(value) if value else None
