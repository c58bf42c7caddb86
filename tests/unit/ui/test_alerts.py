"""The Alerts page on a small warehouse."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_ui import layout
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import names

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "alerts.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    kinds = ("success", "error", "info", "markdown", "caption")
    text = "\n".join(str(element.value) for kind in kinds for element in page.get(kind))
    # As a reader sees it: without what keeps text from being read as Markdown.
    return re.sub(r"\\(\W)", r"\1", text).replace("\u2060", "")


def labelled(page: AppTest, kind: str, label: str) -> Any:
    (found,) = [each for each in page.get(kind) if each.label.startswith(label)]
    return found


def rules_of(engine: sa.Engine) -> list[Any]:
    c = schema.alert_rules.c
    query = sa.select(c.user_id, c.name, c.condition, c.universe, c.horizon, c.cool_down, c.channels, c.is_active)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(c.name))]


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    """Two alerts, of which one was sent by one channel and not by another."""
    names(panel, "AAPL", "BRK.B")
    row = {"date": SESSION, "kind": "signal", "message": "m", "facts": {}, "symbol": "AAPL", "code": "X"}
    with panel.begin() as connection:
        (first, _) = connection.scalars(
            sa.insert(schema.alerts).returning(schema.alerts.c.alert_id, sort_by_parameter_order=True),
            [
                row | {"alert_key": "1", "priority": "HIGH", "title": "AAPL: <b>entry</b>"},
                row | {"alert_key": "2", "priority": "INFO", "title": "AAPL: phase"},
            ],
        )
        sent = {"alert_id": first, "kind": "alert", "subject": "s", "body_text": "b"}
        connection.execute(
            sa.insert(schema.notifications),
            [
                sent | {"idempotency_key": "a", "channel": "mail", "status": "SENT", "last_error": None},
                sent | {"idempotency_key": "b", "channel": "slack", "status": "FAILED", "last_error": "no *route*"},
            ],
        )
    return panel


@pytest.mark.usefixtures("filled")
def test_the_answer_and_the_history() -> None:
    page = opened()
    text = told(page)
    assert "**21 Aug 2026: 🟢 1 HIGH, ⚪ 1 INFO to take note of.** 0 of your 0 rules are active." in text
    assert "no channel is configured" in text
    assert "slack: 1 messages failed. no *route*" in text
    table = page.dataframe[0].value
    assert table["What"].tolist() == ["AAPL: <b>entry</b>", "AAPL: phase"]
    assert table["Delivered"].tolist()[0] == "mail: sent; slack: failed (no *route*)"
    assert opened(priority="INFO").dataframe[0].value["What"].tolist() == ["AAPL: phase"]
    assert "No alert meets the filters." in told(opened(kind="rule"))


def test_note_is_taken_of_all_that_is_shown(filled: sa.Engine) -> None:
    page = opened(priority="HIGH")
    labelled(page, "button", "Take note of all 1").click().run()
    assert not page.exception
    assert "Took note of 1 alerts." in told(page)
    a = schema.alerts.c
    with filled.connect() as connection:
        noted = dict(connection.execute(sa.select(a.priority, a.acknowledged_by)).all())
    assert noted == {"HIGH": "local", "INFO": None}


@pytest.mark.usefixtures("filled")
def test_what_was_done_stays_to_be_read_until_the_user_does_something_else() -> None:
    page = opened()
    labelled(page, "button", "Take note of all").click().run()
    for is_news in (True, True, False):
        assert "Took note of 2 alerts." in told(page)
        page.session_state[layout.IS_NEWS] = is_news
        page.run()
    assert "Took note" not in told(page)


def test_a_rule_is_written_and_changed_and_deleted_only_when_confirmed(filled: sa.Engine) -> None:
    page = opened(view="Rules")
    assert "You have no rule yet." in told(page)
    labelled(page, "text_input", "Name").set_value("Stretched").run()
    labelled(page, "text_input", "Condition").set_value("z <= -1.0 and cross_above(rsi, 30)").run()
    labelled(page, "selectbox", "Asked of").set_value("one symbol").run()
    labelled(page, "text_input", "Symbol").set_value("BRK.B").run()
    labelled(page, "number_input", "Silence").set_value(5).run()
    labelled(page, "button", "Save rule").click().run()
    assert not page.exception
    assert "Saved 'Stretched'" in told(page)
    rule = ("local", "Stretched", "z <= -1.0 and cross_above(rsi, 30)", "BRK.B", "60D", 5, [], True)
    assert rules_of(filled) == [rule]

    edit = labelled(page, "selectbox", "Edit")
    edit.select_index(1).run()
    assert labelled(page, "text_input", "Symbol").value == "BRK.B"
    labelled(page, "selectbox", "Asked of").set_value("watchlist").run()
    labelled(page, "toggle", "Active").set_value(False).run()
    labelled(page, "button", "Save rule").click().run()
    assert rules_of(filled) == [(*rule[:3], "watchlist", "60D", 5, [], False)]

    labelled(page, "selectbox", "Edit").select_index(1).run()
    labelled(page, "button", "Delete rule").click().run()
    assert rules_of(filled), "asked first"


@pytest.mark.usefixtures("filled")
def test_a_wrong_condition_is_told_at_its_character_and_not_saved() -> None:
    page = opened(view="Rules")
    labelled(page, "text_input", "Name").set_value("Wrong").run()
    labelled(page, "text_input", "Condition").set_value("z <= -1 and nosuch > 3").run()
    assert "Character 13" in page.error[-1].value
    rule, caret = page.code[0].value.splitlines()
    assert rule[caret.index("^") :].startswith("nosuch")
    assert labelled(page, "button", "Save rule").disabled


def test_a_symbol_that_is_none_and_a_second_name_are_refused(filled: sa.Engine) -> None:
    page = opened(view="Rules")
    for _ in range(2):
        labelled(page, "text_input", "Name").set_value("Twice").run()
        labelled(page, "text_input", "Condition").set_value("z > 1").run()
        labelled(page, "button", "Save rule").click().run()
    assert "another rule named 'Twice'" in told(page)
    labelled(page, "text_input", "Name").set_value("Other").run()
    labelled(page, "selectbox", "Asked of").set_value("one symbol").run()
    labelled(page, "text_input", "Symbol").set_value("brk.b").run()
    labelled(page, "button", "Save rule").click().run()
    assert "There is no symbol 'brk.b'" in told(page)
    assert len(rules_of(filled)) == 1


def test_a_stored_rule_that_cannot_be_asked_is_marked(filled: sa.Engine) -> None:
    rule = {"user_id": "local", "name": "Old", "condition": "gone > 1", "channels": []}
    with filled.begin() as connection:
        connection.execute(sa.insert(schema.alert_rules).values(rule))
    (problem,) = opened(view="Rules").dataframe[0].value["Problem"]
    assert problem.startswith("⚠")
    assert "gone" in problem


def test_the_watchlist_is_saved_and_what_is_unknown_told(filled: sa.Engine) -> None:
    page = opened(view="Rules")
    page.text_area[0].set_value("BRK.B, NOSUCH")
    labelled(page, "button", "Save watchlist").click().run()
    assert "left out: NOSUCH" in told(page)
    assert page.text_area[0].value == "BRK.B"
    with filled.connect() as connection:
        assert connection.scalars(sa.select(schema.watchlist.c.user_id)).all() == ["local"]


@pytest.mark.usefixtures("filled")
def test_the_state_of_delivery() -> None:
    table = opened(view="Delivery").dataframe[0].value.set_index("Channel")
    assert table[["Sent", "Waiting", "Failed"]].to_dict("index") == {
        "mail": {"Sent": 1, "Waiting": 0, "Failed": 0},
        "slack": {"Sent": 0, "Waiting": 0, "Failed": 1},
    }
