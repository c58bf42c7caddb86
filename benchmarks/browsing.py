"""The trader panel as a process of its own and a Chromium that looks at it, for the bench and the browser tests.

How a page is known to be complete is decided here; what is on it is not looked at.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Locator, Page, Playwright

from kapman_assets.cli.panel import panel_command

VIEWS = tuple(
    sorted(
        path.stem for path in (Path(__file__).parents[1] / "kapman_ui" / "views").glob("*.py") if path.stem[0] != "_"
    )
)
"""Every page by the last part of its address."""

FIRST_VIEW = "today"

PATIENCE = 60_000
"""Milliseconds that are waited for whatever should be there at once: a machine may be busy."""

_START_SECONDS = 180.0
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@dataclass(frozen=True)
class Panel:
    """A panel that answers: its address and the process that serves it."""

    address: str
    pid: int

    def url(self, view: str, query: str = "") -> str:
        """Address of a page, with a query such as `symbol=NVDA`; the first page answers at the root."""
        return f"{self.address}/{'' if view == FIRST_VIEW else view}{'?' if query else ''}{query}"


def chromium() -> str | None:
    """Path of the browser: `CHROMIUM`, or what the system calls it; None if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start the browser without a window; root has no sandbox."""
    return playwright.chromium.launch(executable_path=executable, args=list(_FLAGS), timeout=PATIENCE)


def free_port() -> int:
    """A port on loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve(environment: Mapping[str, str], log: Path, *, port: int | None = None) -> Iterator[Panel]:
    """Serve the panel until the block is left.

    Args:
        environment: of the process: where its databases are.
        log: file for what it says.
        port: to listen at; any free one if None.

    Raises:
        RuntimeError: it ended or did not answer in time, with the end of its log.
    """
    port = port or free_port()
    command = (sys.executable, "-m", "kapman_assets.cli.child", *panel_command("127.0.0.1", port))
    with log.open("w") as said:
        process = subprocess.Popen(  # noqa: S603 the project's own command
            command, env=dict(environment), stdout=said, stderr=subprocess.STDOUT
        )
    panel = Panel(f"http://127.0.0.1:{port}", process.pid)
    try:
        _await_answer(panel, process, log)
        yield panel
    finally:
        process.terminate()
        process.wait(timeout=60)


def _await_answer(panel: Panel, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{panel.address}/_stcore/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"The panel does not answer. Its log ends with:\n{log.read_text()[-3000:]}")


def first_content(page: Page) -> Locator:
    """The page's title, by which a trader sees that there is an answer."""
    return page.locator("h1").first


def await_whole(page: Page) -> None:
    """Wait until the page has its title, its script has run to the end, and nothing on it is being loaded.

    Raises:
        playwright.sync_api.TimeoutError: it does not become complete.
    """
    first_content(page).wait_for(timeout=PATIENCE)
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for(timeout=PATIENCE)
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached", timeout=PATIENCE)
    # A chart is drawn in the browser after the script has ended.
    for chart in page.locator("[data-testid=stVegaLiteChart], .candles").all():
        if chart.is_visible():
            chart.locator("canvas, svg").first.wait_for(timeout=PATIENCE)
