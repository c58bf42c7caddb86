"""An address says what is shown: a name in it is chosen, a wrong one is said."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

import kapman_ui
from benchmarks.browsing import VIEWS, await_whole
from tests.browser.conftest import Site, Visitor, pick

SOURCES = Path(kapman_ui.__file__).parent / "views"
WITH_A_NAME = [view for view in VIEWS if "symbol_choice(" in (SOURCES / f"{view}.py").read_text()]
"""Pages that show one name."""
OTHERS = {"etf": ("XLK", "XLE")}
"""Two names of a page that does not know the watched stocks."""


def test_there_are_pages_of_one_name() -> None:
    assert "wyckoff" in WITH_A_NAME


@pytest.mark.parametrize("view", WITH_A_NAME)
def test_the_name_in_the_address_is_chosen_and_follows(market_site: Site, visitor: Visitor, view: str) -> None:
    first, second = OTHERS.get(view, ("NVDA", "IBM"))
    page = visitor.open(market_site.panel.url(view, f"symbol={first}"))
    box = page.get_by_role("combobox", name="Symbol", exact=True)
    expect(box).to_have_value(first)
    pick(page, box, second)
    expect(page.get_by_role("heading").filter(has_text=second).first).to_be_visible()
    page.wait_for_url(f"**symbol={second}*")
    # The address is all that somebody else needs.
    page.reload()
    await_whole(page)
    expect(box).to_have_value(second)


STRANGE = ["<img src=x onerror=alert(1)>", "**bold**", "nvda"]
"""All pages say it by one function: one page shows how strange names are said."""


@pytest.mark.parametrize(
    ("view", "name"), [*((view, "NOPE") for view in WITH_A_NAME), *(("wyckoff", name) for name in STRANGE)]
)
def test_a_name_that_is_not_there_is_said(market_site: Site, visitor: Visitor, view: str, name: str) -> None:
    page = visitor.open(market_site.panel.url(view, f"symbol={name}"))
    expect(page.get_by_test_id("stAlert").filter(has_text="There is no watched name")).to_contain_text(name)
    assert page.locator("img[src=x]").count() == 0
    assert visitor.dialogs == []
