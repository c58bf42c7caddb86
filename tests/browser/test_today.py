"""The Today page's first concern: what is CRITICAL stands above everything, is heard once, and is reached first."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browsing import await_whole
from tests.browser.conftest import Site, Visitor
from tests.browser.happenings import BC_SCORE, EXIT
from tests.browser.test_keyboard import MOST_STEPS, focused

LINK = f"Look at {EXIT}"
SOUND = "Sound for a CRITICAL alert"

BELOW = """(places) => places
    .filter((place) => place.innerText && !/CRITICAL|Simulated market/.test(place.innerText))
    .map((place) => place.getBoundingClientRect().top)"""
"""Where all else begins, but the words that the market is invented, which stand above every page."""

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
    return site.rows("SELECT equity, risk_fraction, stop_atr, alert_sound FROM user_settings WHERE user_id = 'local'")[
        0
    ]


def is_whole_page(page: Page) -> bool:
    """Whether the focus is on the page itself, which can be scrolled."""
    is_it: bool = page.evaluate("document.activeElement.id === 'stMain'")
    return is_it


def tab_to(page: Page, name: str) -> None:
    """Press the Tab key until what is called so has the focus."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if name in focused(page)["name"] and not is_whole_page(page):
            return
    raise AssertionError(f"the Tab key does not lead to {name!r}")


def test_what_is_critical_stands_above_everything_and_is_reached_first(site: Site, visitor: Visitor) -> None:
    page = visitor.open(site.panel.url("today"))
    banner = page.get_by_test_id("stAlert").filter(has_text="CRITICAL")
    expect(banner).to_contain_text(f"{EXIT}: exit immediately. Buying-climax score {BC_SCORE} of 28")
    box = banner.bounding_box()
    assert box is not None
    tops = page.get_by_test_id("stMain").get_by_test_id("stElementContainer").evaluate_all(BELOW)
    assert len(tops) > 10
    assert min(tops) >= box["y"] + box["height"]

    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        found = focused(page)
        # That a heading can be linked to asks for nothing.
        if found["place"] == "page" and found["name"] != "Link to heading" and not is_whole_page(page):
            break
    assert LINK in found["name"]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/wyckoff?symbol={EXIT}")
    await_whole(page)
    expect(page.get_by_role("combobox", name="Symbol", exact=True)).to_have_value(EXIT)
    assert visitor.complaints == []


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
    expect(page.get_by_role("button", name="Your account: $250,000, risk 2.0 %")).to_be_visible()
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

    # Put back by the page itself, which then knows of it at once.
    page.get_by_role("button", name="Your account").click()
    page.get_by_label("Equity, USD").fill(f"{before['equity']:.0f}")
    page.get_by_label("Risk a trade").fill("1")
    page.get_by_text(SOUND).click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Your account: $100,000, risk 1.0 %")).to_be_visible()
    assert settings(site) == before
    assert visitor.complaints == []
