"""Portfolios by hand and by file: made, renamed, filled, emptied and deleted, whatever they are called."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browsing import PATIENCE, await_whole
from tests.browser.conftest import Site, Visitor, pick

STRANGE = [
    "<img src=x onerror=alert(1)>",
    "**bold** [link](javascript:alert(1)) $x^2$ :red[red] :material/delete:",
    'Tom\'s "best" – 100 % _sure_ #1',
]


@pytest.fixture
def site(market_site: Site) -> Iterator[Site]:
    """The market with the portfolios that it had before."""
    before = [row["portfolio_id"] for row in market_site.rows("SELECT portfolio_id FROM portfolios")]
    yield market_site
    market_site.write("DELETE FROM portfolios WHERE NOT portfolio_id = ANY(:before)", before=before)


def stored(site: Site, name: str) -> list[tuple[str, str]] | None:
    """Names and priorities of a portfolio; None if there is no such one."""
    if not site.rows("SELECT 1 FROM portfolios WHERE name = :name", name=name):
        return None
    rows = site.rows(
        "SELECT t.symbol, m.priority FROM portfolio_tickers m JOIN portfolios p USING (portfolio_id) "
        "JOIN tickers t USING (ticker_id) WHERE p.name = :name ORDER BY m.priority, t.symbol",
        name=name,
    )
    return [(row["symbol"], row["priority"]) for row in rows]


def create(site: Site, page: Page, name: str) -> None:
    expander = page.get_by_test_id("stExpander").filter(has_text="New portfolio")
    expander.locator("summary").click()
    expander.get_by_label("Name", exact=True).fill(name)
    expander.get_by_role("button", name="Create portfolio").click()
    try:
        # What was made is chosen.
        expect(portfolio_box(page)).to_have_value(name, timeout=PATIENCE / 4)
    except AssertionError:
        # On a busy machine a click may fall on the button while the expander is still opening, and be lost.
        assert stored(site, name) is None
        expander.get_by_role("button", name="Create portfolio").click()
        expect(portfolio_box(page)).to_have_value(name)
    await_whole(page)


def portfolio_box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Portfolio", exact=True)


def choose(page: Page, name: str) -> None:
    pick(page, portfolio_box(page), name)
    # What belonged to the portfolio before is taken away when the page's script has ended.
    expect(page.get_by_label("New name", exact=True)).to_have_count(1)
    expect(page.get_by_label("New name", exact=True)).to_have_value(name)
    expect(portfolio_box(page)).to_have_value(name)


def fill(page: Page, symbols: str) -> None:
    page.get_by_role("textbox", name="Add symbols").fill(symbols)
    page.get_by_role("button", name="Add", exact=True).click()


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_is_shown_as_it_was_written(site: Site, visitor: Visitor, name: str) -> None:
    page = visitor.open(site.panel.url("portfolios"))
    create(site, page, name)
    choose(page, name)
    assert stored(site, name) == []
    page.get_by_role("button", name="Delete portfolio").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("is deleted")
    # A sign without width keeps Streamlit from reading names of icons in it.
    assert f"{name} is deleted" in dialog.inner_text().replace("\u2060", "")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(portfolio_box(page)).not_to_have_value(name)
    assert stored(site, name) is None
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href^=javascript]").count() == 0
    assert (visitor.dialogs, visitor.complaints) == ([], [])


def test_a_portfolio_from_its_first_to_its_last_day(site: Site, visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open(site.panel.url("portfolios"))
    create(site, page, "Mine")
    choose(page, "Mine")
    fill(page, "NVDA, AMD <b>NOPE</b>")
    expect(page.get_by_test_id("stAlert").filter(has_text="Not in the warehouse")).to_contain_text("<b>NOPE</b>")
    assert stored(site, "Mine") == [("AMD", "P1"), ("NVDA", "P1")]

    # A name that is taken is refused, with the name as it is.
    page.get_by_label("New name", exact=True).fill("SECTOR_ETFS")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_test_id("stAlert").filter(has_text="already")).to_contain_text("SECTOR_ETFS")
    await_whole(page)
    page.get_by_label("New name", exact=True).fill("Yours")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(portfolio_box(page)).to_have_value("Yours")
    # The box is drawn before what stands below it: a file given to the old page would be lost with it.
    await_whole(page)
    assert stored(site, "Mine") is None

    # Out as CSV, changed there, and in again.
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [(row["symbol"], row["priority"]) for row in rows] == stored(site, "Yours")
    changed = tmp_path / "changed.csv"
    changed.write_text("symbol,priority\nNVDA,P2\nIBM,P1\n")
    page.locator("input[type=file]").set_input_files(changed)
    expect(page.get_by_role("button", name="Remove changed.csv")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    # It stands where the names that were left out stood.
    expect(page.get_by_test_id("stAlert").filter(has_text="Not in the warehouse")).to_have_count(0)
    expect(page.get_by_test_id("stAlert").filter(has_text="2 names are in the portfolio")).to_be_visible()
    assert stored(site, "Yours") == [("AMD", "P1"), ("IBM", "P1"), ("NVDA", "P2")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"symbol\nNVDA\n", "no column priority"),
        (b"symbol,priority\nNVDA,P9\n", "P1 or P2"),
        (b"\xff\xfe\x00bad", "no CSV file"),
        (b"", "no CSV file"),
    ],
)
def test_a_file_that_is_wrong_is_refused(site: Site, visitor: Visitor, content: bytes, says: str) -> None:
    page = visitor.open(site.panel.url("portfolios"))
    create(site, page, "Kept")
    choose(page, "Kept")
    page.locator("input[type=file]").set_input_files({"name": "wrong.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_role("button", name="Remove wrong.csv")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_test_id("stAlert").filter(has_text=says)).to_be_visible()
    assert stored(site, "Kept") == []
