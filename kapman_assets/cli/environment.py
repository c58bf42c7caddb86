"""Gets a command ready to work: settings, databases, schema, Dagster's home."""

import warnings
from dataclasses import dataclass

from kapman_resources import dagster_home, database, panel_role
from kapman_resources.database import DatabaseUrls
from kapman_resources.errors import ConfigurationError
from kapman_resources.settings import Settings, load_settings


@dataclass(frozen=True)
class Workplace:
    """What a command works with; Dagster's variables are set in this process."""

    settings: Settings
    urls: DatabaseUrls
    environment: dict[str, str]


def upgrade_warehouse(url: str) -> None:
    """Bring a warehouse up to date: tables and functions by migrations, views by the SQL models, the panel's rights."""
    from kapman_assets.sql_models import create_views, load_models

    models = load_models()
    database.upgrade(url)
    engine = database.make_engine(url, application_name="kapman:views")
    try:
        with engine.begin() as connection:
            create_views(connection, models)
            panel_role.grant(connection)
    finally:
        engine.dispose()


def require_current(url: str) -> None:
    """Refuse a warehouse of another release.

    Raises:
        ConfigurationError: its schema needs `kapman db upgrade`.
    """
    status = database.schema_status(url)
    if not status.is_current:
        raise ConfigurationError(
            f"The warehouse's schema is at revision {status.current or 'none'} and this Kapman needs "
            f"{status.needed}: run `kapman db upgrade` (after `kapman db backup`)."
        )


def prepare() -> Workplace:
    """Start or find the databases, bring an embedded one's schema up to date, and enter Dagster's home.

    Raises:
        ConfigurationError: a database cannot be reached, or an external one needs `kapman db upgrade`.
    """
    # Dagster says so of backfill policies and partitioned checks at every load; the versions are pinned.
    warnings.filterwarnings("ignore", message=r".*currently in (beta|preview)")
    settings = load_settings()
    urls = database.database_urls(settings)
    database.ensure_database(urls.warehouse)
    database.ensure_database(urls.dagster)
    if settings.is_embedded:
        upgrade_warehouse(urls.warehouse)
    else:
        require_current(urls.warehouse)
    environment = dagster_home.dagster_environment(settings, urls)
    dagster_home.enter(environment)
    return Workplace(settings, urls, environment)
