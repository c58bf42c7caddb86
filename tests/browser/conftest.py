"""What a browser test stands on: a panel on a small market, one on an empty warehouse, and a Chromium.

All of it is made once a worker and gone with its last test of the folder: a running Playwright owns its thread's
event loop, and no other test must meet it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright
from psycopg import sql

from benchmarks.browsing import PATIENCE, Panel, await_whole, chromium, launch, serve
from kapman_resources import database
from kapman_resources.embedded import EmbeddedPostgres
from tests.browser import market
from tests.conftest import PROJECT, copy_database, open_directory, run_on

MARKET, EMPTY = "browser_market", "browser_empty"

_KEPT = ("PATH", "HOME", "LANG")


def pytest_itemcollected(item: pytest.Item) -> None:
    """One worker runs the tests of one market: the first of them waits until it is made."""
    market_of = "recorded" if item.get_closest_marker("real_data") else "simulated"
    item.add_marker(pytest.mark.xdist_group(f"browser-{market_of}"))
    # The panel runs in a process of its own.
    item.add_marker("no_cover")
    item.add_marker(pytest.mark.timeout(900))


@dataclass(frozen=True)
class Site:
    """A served panel, what its process was told, and the warehouse behind it with its server."""

    panel: Panel
    environment: dict[str, str]
    server: EmbeddedPostgres
    warehouse: str
    engine: sa.Engine

    def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """What the database says."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]

    def write(self, statement: str, **values: object) -> int:
        """Write as another process would; how many rows. The panel can see at once that it was done."""
        with self.engine.begin() as connection:
            count = connection.execute(sa.text(statement), values).rowcount
            connection.execute(sa.select(sa.func.pg_stat_force_next_flush()))
        return count


@pytest.fixture(scope="package")
def home() -> Path:
    return open_directory()


@pytest.fixture(scope="package")
def market_site(postgres: EmbeddedPostgres, template: str, home: Path) -> Iterator[Site]:
    """The panel on the market."""
    environment = new_environment(postgres, template, MARKET, home) | market.ENVIRONMENT
    command = [sys.executable, "-m", "tests.browser.market", str(home)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    yield from serve_site(postgres, MARKET, environment, home)


@pytest.fixture(scope="package")
def empty_site(postgres: EmbeddedPostgres, template: str, home: Path) -> Iterator[Site]:
    """The panel on a warehouse in which nothing has been stored yet, before Dagster has ever run."""
    yield from serve_site(postgres, EMPTY, new_environment(postgres, template, EMPTY, home), home)


def new_environment(postgres: EmbeddedPostgres, template: str, name: str, home: Path) -> dict[str, str]:
    copy_database(postgres, template, name)
    run_on(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"{name}_dagster")))
    return {
        **{variable: os.environ[variable] for variable in _KEPT if variable in os.environ},
        "KAPMAN_HOME": str(home),
        "DATABASE_URL": postgres.url(name),
        "DAGSTER_DATABASE_URL": postgres.url(f"{name}_dagster"),
        "PANEL_AUTH": "none",
    }


def serve_site(postgres: EmbeddedPostgres, name: str, environment: dict[str, str], home: Path) -> Iterator[Site]:
    engine = database.make_engine(postgres.url(name), application_name="test")
    with serve(environment, home / f"{name}.log") as panel:
        yield Site(panel, environment, postgres, name, engine)
    engine.dispose()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium; .ci/run installs it.")
        pytest.skip("no Chromium: install the package `chromium`, or name one in CHROMIUM")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        yield browser
        browser.close()


class Visitor:
    """Someone with a browser of their own: a page, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def open(self, address: str) -> Page:
        """Open a page and wait until it is complete."""
        self.page.goto(address, timeout=PATIENCE, wait_until="domcontentloaded")
        await_whole(self.page)
        return self.page

    def _listen(self, message: ConsoleMessage) -> None:
        # Opened at a page's own address, Streamlit looks for itself there before it looks at the root.
        is_probe = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not is_probe:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")


def pick(page: Page, box: Locator, option: str) -> None:
    """Choose in a select box."""
    box.focus()
    box.press("ArrowDown")
    page.get_by_role("option", name=option, exact=True).click()


class Visitors:
    """Makes visitors: those of one window and taste share a browser, which has read Streamlit's code once."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[tuple[int, str], BrowserContext] = {}

    def new(self, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Visitor:
        """A visitor with a window of this width who prefers light or dark."""
        if (width, scheme) not in self._contexts:
            self._contexts[width, scheme] = self.stranger(width=width, scheme=scheme)
        return Visitor(self._contexts[width, scheme].new_page())

    def stranger(self, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> BrowserContext:
        """A browser that nobody has used: without cookies, with everything to be read."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        context.set_default_timeout(PATIENCE)
        # Where a browser has it, Streamlit asks by it where to save a table; there is nobody to answer.
        context.add_init_script("delete window.showSaveFilePicker")
        return context

    def leave(self) -> None:
        """Close all windows."""
        for context in self._contexts.values():
            for page in context.pages:
                page.close()


@pytest.fixture(scope="package")
def everyone(browser: Browser) -> Visitors:
    return Visitors(browser)


@pytest.fixture
def visitors(everyone: Visitors) -> Iterator[Visitors]:
    yield everyone
    everyone.leave()


@pytest.fixture
def visitor(visitors: Visitors) -> Visitor:
    """At a desk: 1280 px, light."""
    return visitors.new()
