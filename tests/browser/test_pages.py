"""Every page opens whole, at a desk and on a phone, by day and by night, also where there is nothing to show."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from benchmarks.browsing import FIRST_VIEW, PATIENCE, VIEWS
from tests.browser.conftest import Site, Visitors

DESK, PHONE = 1280, 390

NOT_OURS = {
    # Streamlit puts the sections of its navigation between the list and its items.
    "list": "[data-testid=stSidebarNav]",
    "listitem": "[data-testid=stSidebarNav]",
}
"""Rules of axe that Streamlit's own frame breaks, and where; a page cannot reach it."""


FITS = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    return main.scrollWidth <= main.clientWidth && document.body.scrollWidth <= window.innerWidth;
}"""
TOO_WIDE = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    const right = main.getBoundingClientRect().right + 1;
    return [...main.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > right)
        .slice(0, 5).map((element) => element.outerHTML.slice(0, 200));
}"""


def require_fit(page: Page) -> None:
    """The page itself does not scroll sideways, as soon as its tables have taken their width; they may."""
    try:
        page.wait_for_function(FITS, timeout=PATIENCE / 3)
    except PlaywrightTimeout:
        raise AssertionError(f"wider than the window: {page.evaluate(TOO_WIDE)}") from None


def exceptions(page: Page) -> list[str]:
    return page.locator("[data-testid=stException]").all_inner_texts()


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core calls serious or critical, element by element."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        {"rule": violation["id"], "html": node["html"][:300], "why": node["failureSummary"]}
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
        if not is_within(page, node["target"], NOT_OURS.get(violation["id"]))
    ]


def is_within(page: Page, target: list[str], frame: str | None) -> bool:
    if frame is None:
        return False
    return bool(page.locator(target[0]).evaluate("(element, frame) => element.closest(frame) !== null", frame))


@pytest.mark.parametrize(("scheme", "width", "other"), [("light", DESK, PHONE), ("dark", PHONE, DESK)])
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_opens_whole(
    market_site: Site, visitors: Visitors, view: str, scheme: str, width: int, other: int
) -> None:
    visitor = visitors.new(width=width, scheme=scheme)
    page = visitor.open(market_site.panel.url(view))
    assert exceptions(page) == []
    require_fit(page)
    background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(16, 21, 29)")
    expect(page.get_by_text("Simulated market.")).to_be_visible()
    found = violations(page)
    assert found == [], json.dumps(found, indent=1)
    page.set_viewport_size({"width": other, "height": 900})
    require_fit(page)
    assert visitor.complaints == []


def test_the_navigation_leads_to_every_page(market_site: Site, visitors: Visitors) -> None:
    page = visitors.new().open(market_site.panel.url("today"))
    links = page.get_by_test_id("stSidebarNavLink")
    paths = [(link.get_attribute("href") or "").rpartition("/")[2] for link in links.all()]
    assert sorted(path or FIRST_VIEW for path in paths) == list(VIEWS)
    links.filter(has_text="Portfolios").click()
    expect(page.locator("h1")).to_have_text("Portfolios")
    assert page.url == market_site.panel.url("portfolios")


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_page_says_what_to_do(empty_site: Site, visitors: Visitors, view: str) -> None:
    visitor = visitors.new()
    page = visitor.open(empty_site.panel.url(view))
    assert exceptions(page) == []
    said = " ".join(page.locator("[data-testid=stAlert]").all_inner_texts())
    assert "kapman " in said or "Create one here" in said, said
    assert visitor.complaints == []
