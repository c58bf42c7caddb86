"""The Today page's first concern: what is CRITICAL stands above everything, is heard once, and is reached first."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browsing import await_whole
from tests.browser.conftest import Site, Visitor
from tests.browser.happenings import BC_SCORE, EXIT
from tests.browser.test_keyboard import MOST_STEPS, focused

LINK = f"Look at {EXIT}"
SOUND = "Sound for a CRITICAL alert"

COUNT_RINGS = """
    window.rings = 0;
    const isSound = (node) => node.querySelectorAll && (node.matches('audio') || node.querySelector('audio'));
    new MutationObserver((changes) => {
        for (const change of changes) window.rings += [...change.addedNodes].filter(isSound).length;
    }).observe(document, { childList: true, subtree: true });
"""
"""Counts the sounds that were put into the page, also those that are gone again."""


@pytest.fixture
def site(market_site: Site) -> Iterator[Site]:
    """The market with the settings that its trader had before."""
    before = settings(market_site)
    yield market_site
    market_site.write(
        "UPDATE user_settings SET equity = :equity, risk_fraction = :risk_fraction, stop_atr = :stop_atr, "
        "alert_sound = :alert_sound WHERE user_id = 'local'",
        **before,
    )


def settings(site: Site) -> dict[str, object]:
    return site.rows(
        "SELECT equity, risk_fraction, stop_atr, alert_sound FROM user_settings WHERE user_id = 'local'"
    )[0]


def banner(page: Page) -> Locator:
    return page.get_by_test_id("stAlert").filter(has_text="CRITICAL")


def tab_to(page: Page, name: str) -> None:
    """Press the Tab key until what is called so has the focus."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if name in focused(page)["name"]:
            return
    raise AssertionError(f"the Tab key does not lead to {name!r}")


def test_what_is_critical_stands_above_everything(site: Site, visitor: Visitor) -> None:
    page = visitor.open(site.panel.url("today"))
    expect(banner(page)).to_contain_text(f"{EXIT}: exit immediately. Buying-climax score {BC_SCORE} of 28")
    expect(page.locator("audio")).to_have_count(0)
    box = banner(page).bounding_box()
    assert box is not None
    below = page.get_by_test_id("stMain").get_by_test_id("stElementContainer")
    tops = below.evaluate_all(
        """(places) => places
            .filter((place) => place.innerText && !/CRITICAL|Simulated market/.test(place.innerText))
            .map((place) => place.getBoundingClientRect().top)"""
    )
    # The links into the page stand in the banner's own row.
    assert len(tops) > 10
    assert min(tops) >= box["y"] + box["height"]
    heading = page.locator("h1").bounding_box()
    assert heading is not None
    assert heading["y"] > box["y"] + box["height"]
    assert visitor.complaints == []


def test_the_banner_is_reached_first_and_opens_by_enter(site: Site, visitor: Visitor) -> None:
    page = visitor.open(site.panel.url("today"))
    path: list[str] = []
    while len(path) < MOST_STEPS and not (path and LINK in path[-1]):
        page.keyboard.press("Tab")
        found = focused(page)
        # The page as a whole can be scrolled, and a heading be linked to: neither does anything.
        if found["place"] == "page" and page.evaluate("document.activeElement.id !== 'stMain'"):
            path += [found["name"]] if found["name"] != "Link to heading" else []
    assert len(path) == 1
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/wyckoff?symbol={EXIT}")
    await_whole(page)
    expect(page.get_by_role("combobox", name="Symbol", exact=True)).to_have_value(EXIT)


def test_settings_without_a_mouse_and_a_sound_that_rings_once(site: Site, visitor: Visitor) -> None:
    before = settings(site)
    assert (before["equity"], before["alert_sound"]) == (100_000, False)
    visitor.page.add_init_script(COUNT_RINGS)
    page = visitor.open(site.panel.url("today"))
    assert page.evaluate("window.rings") == 0

    tab_to(page, "Your account")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Equity, USD")).to_be_visible()
    tab_to(page, "Equity, USD")
    page.keyboard.press("Control+a")
    page.keyboard.type("250000")
    tab_to(page, "Risk a trade")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    tab_to(page, SOUND)
    page.keyboard.press("Space")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Your account: $250,000, risk 2.0 % a trade")).to_be_visible()
    wanted = {"equity": 250_000, "risk_fraction": pytest.approx(0.02), "alert_sound": True}
    assert settings(site) == before | wanted

    # What was there when the sound was chosen has been seen; who comes to the page hears it, once.
    assert page.evaluate("window.rings") == 0
    page.reload()
    await_whole(page)
    page.wait_for_function("window.rings === 1")
    page.keyboard.press("r")
    expect(page.locator("audio")).to_have_count(0)
    assert page.evaluate("window.rings") == 1
    assert visitor.complaints == []
