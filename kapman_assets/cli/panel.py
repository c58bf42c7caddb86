"""`kapman panel`: the trader panel as a process of its own, beside Dagster or without it."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from kapman_assets.cli.console import explained
from kapman_assets.cli.environment import require_current
from kapman_resources import database
from kapman_resources.settings import load_settings

APP = Path(__file__).parents[2] / "kapman_ui" / "app.py"


def panel(
    address: Annotated[
        str, typer.Option(help="Address to listen at; anything but loopback needs a login.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8501,
) -> None:
    """Serve the trader panel until Ctrl-C."""
    with explained():
        urls = database.database_urls(load_settings())
        database.ensure_database(urls.warehouse)
        require_current(urls.warehouse)
    command = panel_command(address, port)
    os.execv(command[0], command)  # noqa: S606 Kapman's own command


def panel_command(address: str, port: int) -> tuple[str, ...]:
    """The process that serves the panel."""
    options = (f"--server.address={address}", f"--server.port={port}")
    return (sys.executable, "-m", "streamlit", "run", str(APP), *options)
