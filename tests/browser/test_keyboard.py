"""The Today page without a mouse."""

from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import Site, Visitor

MOST_STEPS = 60
"""Of the Tab key until every link of the navigation and the page's first control have had the focus."""


def focused(page: Page) -> dict[str, Any]:
    """What has the focus: in which part of the page, what it is called, whether one sees it and that it has it."""
    found: dict[str, Any] = page.evaluate("""() => {
        let element = document.activeElement;
        const isIn = (frame) => element.closest(`[data-testid=${frame}]`) !== null;
        const place = isIn('stSidebarNav') ? 'navigation' : isIn('stMain') ? 'page' : 'frame';
        while (element.shadowRoot && element.shadowRoot.activeElement) element = element.shadowRoot.activeElement;
        const box = element.getBoundingClientRect();
        return {
            place,
            name: (element.ariaLabel || element.innerText || element.title || element.tagName).trim(),
            isSeen: box.width > 0 && box.height > 0 && box.top >= 0 && box.bottom <= window.innerHeight + 1,
        };
    }""")
    return found


def test_today_without_a_mouse(market_site: Site, visitor: Visitor) -> None:
    page = visitor.open(market_site.panel.url("today"))
    path = []
    while len(path) < MOST_STEPS and not (path and path[-1]["place"] == "page"):
        page.keyboard.press("Tab")
        path.append(focused(page))
    links = page.get_by_test_id("stSidebarNavLink").count()
    # Each page of the navigation is a step away, in the order in which they stand.
    assert len([step for step in path if step["place"] == "navigation"]) >= links
    assert all(step["isSeen"] for step in path if step["place"] == "navigation")


def test_enter_opens_what_has_the_focus(market_site: Site, visitor: Visitor) -> None:
    page = visitor.open(market_site.panel.url("today"))
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if "Wyckoff" in focused(page)["name"]:
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/wyckoff*")
