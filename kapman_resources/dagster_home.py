"""Dagster's home directory and the environment its processes need.

Dagster reads its storage's address from a variable named in `dagster.yaml`; this module writes the file and
sets the variable, so that the embedded server and an external one look the same to it.
"""

import os
import shutil
from pathlib import Path

from kapman_resources.database import DatabaseUrls
from kapman_resources.settings import Settings

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def dagster_environment(settings: Settings, urls: DatabaseUrls) -> dict[str, str]:
    """Write `DAGSTER_HOME` and return what its processes must find in their environment.

    The addresses are absolute, so that a process started elsewhere meets the same databases, and does not
    start an embedded server of its own.
    """
    home = settings.kapman_home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, home / "dagster.yaml")
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
