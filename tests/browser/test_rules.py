"""The user's own rules, written, mended, changed and deleted in the editor; what fired, and who took note of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Position, expect

from benchmarks.browsing import await_whole
from tests.browser.conftest import Site, Visitor, pick
from tests.browser.happenings import EXIT, LONG

GOOD = "z <= -1.0 and rsi14 < 35"
WRONG_NAME = "rsx14"
WRONG = f"z <= -1.0 and {WRONG_NAME} < 35"
STRANGE = "<img src=x onerror=alert(1)> **bold** :red[red] $x^2$"
AS_OFFERED = {
    "user_id": "local", "condition": GOOD, "horizon": "60D", "universe": "etf", "cool_down": 3, "channels": [],
    "is_active": True,
}  # fmt: skip
"""A rule of which no more is written than its name and this condition."""

FIRST_ROW: Position = {"x": 12, "y": 52}
"""Pixels in a table: its head and its rows are 35 high, and what marks a row stands on the left."""

NOTED = ("acknowledged_at", "acknowledged_by")


@pytest.fixture
def site(market_site: Site) -> Iterator[Site]:
    """The market with the rules that it had before, and no alert that somebody took note of."""
    rules = [row["rule_id"] for row in market_site.rows("SELECT rule_id FROM alert_rules")]
    yield market_site
    market_site.write("DELETE FROM alert_rules WHERE NOT rule_id = ANY(:rules)", rules=rules)
    market_site.write("UPDATE alerts SET acknowledged_at = NULL, acknowledged_by = NULL")


def stored(site: Site, name: str) -> dict[str, Any] | None:
    """What a user wrote of a rule; None if there is no such one."""
    rows = site.rows(
        "SELECT user_id, condition, horizon, universe, cool_down, channels, is_active FROM alert_rules "
        "WHERE name = :name",
        name=name,
    )
    assert len(rows) <= 1
    return rows[0] if rows else None


def one(place: Locator) -> Locator:
    """The place itself, once what stood there before the page was drawn anew is gone."""
    await_whole(place.page)
    expect(place).to_have_count(1)
    return place


def write(page: Page, label: str, text: str) -> None:
    """Fill a field, and say by the Enter key that it is whole."""
    field = one(page.get_by_label(label, exact=True))
    field.fill(text)
    field.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    pick(page, one(page.get_by_role("combobox", name=label, exact=True)), option)


def save_button(page: Page) -> Locator:
    return one(page.get_by_role("button", name="Save rule"))


def told(page: Page, words: str) -> Locator:
    """What the page says above the rules, once it has been drawn anew with it."""
    message = page.get_by_test_id("stAlert").filter(has_text=words)
    expect(message).to_be_visible()
    return one(message)


def plain(place: Locator) -> str:
    """Its text; a sign without width keeps Streamlit from reading names of icons in what was written."""
    return place.inner_text().replace("\u2060", "")


def edit(page: Page, name: str) -> None:
    choose(page, "Edit", name)
    expect(page.get_by_role("button", name="Delete rule")).to_be_visible()
    expect(one(page.get_by_label("Name", exact=True))).to_have_value(name)


def test_a_rule_is_stored_when_it_can_be_read(site: Site, visitor: Visitor) -> None:
    page = visitor.open(site.panel.url("alerts", "view=Rules"))
    expect(save_button(page)).to_be_disabled()

    # A mistake is shown at its character, and cannot be saved.
    write(page, "Name", "Cheap")
    write(page, "Condition", WRONG)
    assert WRONG_NAME in plain(told(page, f"Character {WRONG.index(WRONG_NAME) + 1}:"))
    text, caret = one(page.get_by_test_id("stCode")).inner_text().rstrip().split("\n")
    assert (text.strip(), caret.strip()) == (WRONG, "^")
    assert caret.index("^") == text.index(WRONG_NAME)
    expect(save_button(page)).to_be_disabled()
    assert stored(site, "Cheap") is None

    # Mended, it is stored as it was written, with what holds where nothing was chosen.
    write(page, "Condition", GOOD)
    expect(page.get_by_test_id("stCode")).to_have_count(0)
    save_button(page).click()
    told(page, "Saved 'Cheap'")
    assert stored(site, "Cheap") == AS_OFFERED

    # A name tells rules apart.
    write(page, "Name", "Cheap")
    write(page, "Condition", "z > 1")
    expect(page.get_by_test_id("stCode")).to_have_count(0)
    save_button(page).click()
    assert "Cheap" in plain(told(page, "You have another rule named"))
    assert stored(site, "Cheap") == AS_OFFERED
    assert visitor.complaints == []


def test_a_rule_is_changed_and_deleted_whatever_it_is_called(site: Site, visitor: Visitor) -> None:
    site.write("INSERT INTO alert_rules (name, condition) VALUES ('Cheap', :condition)", condition=GOOD)
    page = visitor.open(site.panel.url("alerts", "view=Rules"))
    edit(page, "Cheap")
    expect(page.get_by_label("Condition", exact=True)).to_have_value(GOOD)
    write(page, "Name", STRANGE)
    write(page, "Condition", "rsi14 > 70")
    choose(page, "Horizon of ETF features", "252D")
    write(page, "Silence, sessions", "7")
    one(page.get_by_test_id("stCheckbox").filter(has_text="Active")).click()
    choose(page, "Asked of", "one symbol")
    # It has to be one.
    write(page, "Symbol", "nope")
    save_button(page).click()
    assert "nope" in plain(told(page, "There is no symbol"))
    assert stored(site, "Cheap") == AS_OFFERED
    write(page, "Symbol", "XLK")
    save_button(page).click()
    assert STRANGE in plain(told(page, "Saved"))
    changed = {"condition": "rsi14 > 70", "horizon": "252D", "universe": "XLK", "cool_down": 7, "is_active": False}
    assert stored(site, STRANGE) == AS_OFFERED | changed
    assert stored(site, "Cheap") is None
    # In the table of all rules, as a screen reader finds it in the canvas.
    expect(page.get_by_test_id("stDataFrame").first.locator("td").filter(has_text=STRANGE)).to_have_count(1)

    # It is deleted only by the dialog's own button.
    edit(page, STRANGE)
    dialog = page.get_by_role("dialog")
    for button in ("Close", "Delete"):
        one(page.get_by_role("button", name="Delete rule")).click()
        expect(dialog).to_contain_text("The alerts that it raised stay.")
        assert f"{STRANGE} is deleted." in plain(dialog)
        assert stored(site, STRANGE) == AS_OFFERED | changed
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(dialog).to_have_count(0)
    assert STRANGE in plain(told(page, "Deleted"))
    assert stored(site, STRANGE) is None
    assert page.locator("img[src=x]").count() == 0
    assert (visitor.dialogs, visitor.complaints) == ([], [])


def alerts(site: Site) -> dict[int, dict[str, Any]]:
    return {row["alert_id"]: row for row in site.rows("SELECT * FROM alerts")}


def require_noted(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]], noted: set[int]) -> None:
    """These alerts alone have a note, and nothing else of any alert has changed."""
    assert after.keys() == before.keys()
    for alert_id, row in after.items():
        kept = {name: value for name, value in row.items() if name not in NOTED}
        assert kept.items() <= before[alert_id].items()
        if alert_id in noted:
            assert (row["acknowledged_at"] is not None, row["acknowledged_by"]) == (True, "local")
        else:
            assert {name: row[name] for name in NOTED} == {name: before[alert_id][name] for name in NOTED}


def test_taking_note_is_of_what_was_chosen_alone(site: Site, visitor: Visitor) -> None:
    before = alerts(site)
    assert len(before) > 3
    of = {row["title"]: alert_id for alert_id, row in before.items()}
    page = visitor.open(site.panel.url("alerts"))

    # By a filter that leaves one.
    write(page, "Text", f"SPRING_SOS {LONG}")
    page.get_by_role("button", name="Take note of all 1 open ones shown").click()
    told(page, "Took note of 1 alerts.")
    noted = {of[f"SPRING_SOS {LONG}"]}
    require_noted(before, alerts(site), noted)
    expect(page.get_by_role("button", name="Take note of all 0 open ones shown")).to_be_disabled()

    # By a row among others; the first of the table is the most urgent.
    write(page, "Text", "")
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("td").filter(has_text=f"BC_CRITICAL {EXIT}")).not_to_have_count(0)
    one(table).locator(".dvn-scroller").click(position=FIRST_ROW)
    page.get_by_role("button", name="Take note of 1 selected").click()
    told(page, "Took note of 1 alerts.")
    require_noted(before, alerts(site), noted | {of[f"BC_CRITICAL {EXIT}"]})

    # And what somebody took note of can be left out.
    one(page.get_by_test_id("stCheckbox").filter(has_text="Only those nobody took note of")).click()
    left = site.rows("SELECT count(*) AS many FROM alerts WHERE acknowledged_at IS NULL")[0]["many"]
    expect(page.get_by_text(f"{left} alerts.")).to_be_visible()
    assert visitor.complaints == []
