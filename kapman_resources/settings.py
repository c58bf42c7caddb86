"""Everything Kapman reads from the environment, in one place, read when asked and never at import.

A setting that is not here does not exist. What the settings mean together (which market a configuration
points at, where the default directories are) is decided here too; opening a connection is not.
"""

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kapman_resources.errors import ConfigurationError

VENDOR_HOSTS = frozenset({"files.massive.com", "files.polygon.io", "api.massive.com", "api.polygon.io"})
"""Hosts whose data is live; any other S3 endpoint or directory is a recording."""

MARKET_MARKER = "market.json"
"""File at the root of a simulated market; a directory without it is a recorded market."""


SECTOR_ETFS = ("XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY", "SPY")
"""The eleven sectors of the S&P 500 as SPDR funds, and the index."""


class MarketKind(StrEnum):
    """Where a market's data comes from. A database holds one kind, for ever."""

    SIMULATED = "simulated"
    RECORDED = "recorded"
    LIVE = "live"


class Environment(StrEnum):
    """How much is taken from a live source; recorded and simulated markets are taken whole."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"

    @property
    def live_sessions(self) -> int:
        """Sessions of history taken from a live source."""
        return {Environment.DEV: 30, Environment.TEST: 90, Environment.PROD: 730}[self]

    @property
    def live_watchlist(self) -> int | None:
        """Watchlist names analysed from a live source; None is all of them."""
        return {Environment.DEV: 10, Environment.TEST: 50, Environment.PROD: None}[self]


def project_root() -> Path:
    """The checkout when Kapman runs from one, else the working directory."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


class Settings(BaseSettings):
    """The configuration, from environment variables of the same names and `.env` in the project's root.

    Raises:
        pydantic.ValidationError: a value that cannot be what its variable means, naming the variable.
    """

    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, frozen=True)

    kapman_home: Path = Field(default_factory=lambda: project_root() / ".kapman")
    kapman_env: Environment = Environment.DEV
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    flatfiles_url: str | None = None
    flatfiles_endpoint_url: str = "https://files.massive.com"
    aws_access_key_id: SecretStr | None = None
    aws_secret_access_key: SecretStr | None = None
    options_url: str | None = None
    polygon_api_key: SecretStr | None = None
    polygon_requests_per_second: float = Field(default=80.0, gt=0, allow_inf_nan=False)
    polygon_concurrency: int = Field(default=20, ge=1)
    raw_url: str | None = None
    raw_endpoint_url: str | None = None
    raw_access_key_id: SecretStr | None = None
    raw_secret_access_key: SecretStr | None = None
    ohlcv_history_days: int = Field(default=730, ge=1)
    options_history_days: int = Field(default=90, ge=1)
    options_max_dte: int = Field(default=120, ge=1)
    options_lowest_strike: float = Field(default=0.5, ge=0)
    options_highest_strike: float = Field(default=1.5, gt=0)
    wyckoff_universe: Literal["watchlist", "all"] = "watchlist"
    risk_free_rate: float = Field(default=0.0, ge=-0.1, le=1)
    etf_universe: Annotated[tuple[str, ...], NoDecode] = SECTOR_ETFS
    ai_provider: Literal["rules", "claude", "openai"] = "rules"
    ai_model: str | None = None
    ai_daily_budget_usd: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    openai_api_key: SecretStr | None = None
    panel_auth: Literal["none", "oidc"] = "none"
    dagster_ui_url: str = "http://127.0.0.1:3000"
    notify_urls: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    @field_validator("etf_universe", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Symbols between commas, each once and in their case."""
        if not isinstance(value, str):
            return value
        symbols = [symbol.strip() for symbol in value.split(",")]
        if not all(symbols) or len(set(symbols)) < len(symbols):
            raise ValueError("write symbols between commas, each once, such as XLK,XLF,SPY")
        return tuple(symbols)

    @field_validator("notify_urls", mode="before")
    @classmethod
    def _addresses(cls, value: object) -> object:
        """Addresses between white space: a comma may be part of one."""
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("kapman_home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def simulated_market_dir(self) -> Path:
        """Root of the simulated market: `market.json`, `flatfiles/`, `rest/`, `labels/`."""
        return self.kapman_home / "simulated"

    @property
    def flatfiles_location(self) -> str:
        """`s3://bucket` or a directory."""
        return self.flatfiles_url or str(self.simulated_market_dir / "flatfiles")

    @property
    def reference_location(self) -> str | None:
        """REST base address or a directory of recorded pages; None if this configuration has neither.

        The simulated pages stand in only for an all-simulated configuration: beside other flat files they
        would mix two markets.
        """
        if self.options_url is not None:
            return self.options_url
        return str(self.simulated_market_dir / "rest") if self.flatfiles_url is None else None

    @property
    def raw_location(self) -> str:
        """Where the vendor's chain pages are kept: `s3://bucket/prefix` or a directory."""
        return self.raw_url or str(self.kapman_home / "raw")

    @property
    def raw_credentials(self) -> tuple[SecretStr | None, SecretStr | None]:
        """S3 access key id and secret of the raw store: its own, or those of the flat files; never one of each."""
        own = (self.raw_access_key_id, self.raw_secret_access_key)
        return own if any(own) else (self.aws_access_key_id, self.aws_secret_access_key)

    @cached_property
    def market_kind(self) -> MarketKind:
        """The market this configuration points at.

        Raises:
            ConfigurationError: flat files and REST pages come from two kinds of market.
        """
        bars = market_kind_of(self.flatfiles_location, self.flatfiles_endpoint_url)
        if self.reference_location is not None:
            rest = market_kind_of(self.reference_location, self.reference_location)
            if rest is not bars:
                raise ConfigurationError(
                    f"FLATFILES_URL points at a {bars} market and OPTIONS_URL at a {rest} one; "
                    "set both to the same market (or unset both for the simulated one)."
                )
        return bars

    @property
    def is_embedded(self) -> bool:
        """Whether the warehouse is the embedded server under `KAPMAN_HOME`."""
        return self.database_url is None


def load_settings() -> Settings:
    """Read the environment and the project's `.env` as they are now."""
    return Settings(_env_file=project_root() / ".env")


def market_kind_of(location: str, endpoint: str) -> MarketKind:
    """The kind of market at `location` (`s3://bucket`, an http address or a directory).

    Args:
        location: where the data is.
        endpoint: the address that answers for it; only its host matters.
    """
    scheme = urlsplit(location).scheme
    if scheme in {"s3", "http", "https"}:
        return MarketKind.LIVE if urlsplit(endpoint).hostname in VENDOR_HOSTS else MarketKind.RECORDED
    root = Path(location)
    if location.startswith("file://"):
        raise ConfigurationError(
            f"FLATFILES_URL or OPTIONS_URL is {location}: write the directory itself, without file://."
        )
    simulated = any((folder / MARKET_MARKER).exists() for folder in (root, root.parent))
    # A simulated market that has not been written yet is still one: `kapman simulate` creates it.
    is_default = not root.exists() and root.parent.name == "simulated"
    return MarketKind.SIMULATED if simulated or is_default else MarketKind.RECORDED
