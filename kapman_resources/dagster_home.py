"""Dagster's home directory and the environment its processes need.

Dagster reads its storage's address from a variable named in `dagster.yaml`, or from the file itself where the
server is embedded; this module writes the file and says which variables a process must have.
"""

import os
from pathlib import Path

from kapman_resources.database import DatabaseUrls
from kapman_resources.settings import Settings

_FROM_VARIABLE = "postgres_url:\n      env: DAGSTER_DATABASE_URL"

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def dagster_environment(settings: Settings, urls: DatabaseUrls) -> dict[str, str]:
    """Write `DAGSTER_HOME` and return what its processes must find in their environment.

    The addresses are absolute, so that a process started elsewhere meets the same databases, and does not
    start an embedded server of its own.
    """
    home = settings.kapman_home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    configuration = TEMPLATE.read_text()
    if settings.is_embedded:
        # Its address holds no secret: written out, `dg` and `dagster` need no more than DAGSTER_HOME.
        configuration = configuration.replace(_FROM_VARIABLE, f'postgres_url: "{urls.dagster_storage}"')
    (home / "dagster.yaml").write_text(configuration)
    return {
        "KAPMAN_HOME": str(settings.kapman_home),
        "DATABASE_URL": urls.warehouse,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DATABASE_URL": urls.dagster_storage,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # Materialisations of a range are written together: one by one they cost more than the data.
        "DAGSTER_EVENT_BATCH_SIZE": "100",
    }


def enter(environment: dict[str, str]) -> None:
    """Make this process one of them."""
    os.environ.update(environment)
