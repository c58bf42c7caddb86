"""What the Alerts page asks and writes, with the panel's own rights."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.errors import KapmanError
from kapman_resources.panel_role import panel_engine
from kapman_ui.queries import alerts
from kapman_ui.queries.alerts import Rule
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import names

MINE = Rule("Low", "z <= -1", channels=("mailto",))


@pytest.fixture
def own(engine: sa.Engine, warehouse_url: str) -> Iterator[sa.Engine]:
    names(engine, "AAPL", "MSFT", "BRK.B")
    of_panel = panel_engine(warehouse_url)
    yield of_panel
    of_panel.dispose()


def alert(key: str, priority: str = "INFO", day: date = SESSION, **given: Any) -> dict[str, Any]:
    told = {"alert_key": key, "date": day, "kind": "signal", "code": "X", "priority": priority, "title": key}
    return told | {"message": "m", "facts": {}, "symbol": "AAPL", "user_id": None} | given


def told(engine: sa.Engine, **filters: Any) -> list[str]:
    with engine.connect() as connection:
        found: list[str] = alerts.history(connection, "me", **filters)["title"].tolist()
    return found


def test_a_rule_is_written_changed_and_deleted_by_its_user(own: sa.Engine, engine: sa.Engine) -> None:
    with own.begin() as connection:
        assert alerts.rules(connection, "me").empty
        alerts.save_rule(connection, "me", replace(MINE, name="  Low "))
        alerts.save_rule(connection, "you", MINE)
        row = alerts.rules(connection, "me").iloc[0]
        rule_id = int(row["rule_id"])
        assert (row["name"], row["channels"], row["cool_down"], row["is_active"]) == ("Low", ["mailto"], 3, True)
        alerts.save_rule(connection, "me", Rule("High", "z >= 2", "20D", "BRK.B", 0, (), is_active=False), rule_id)
        row = alerts.rules(connection, "me").iloc[0]
        assert (row["name"], row["universe"], row["cool_down"], row["is_active"]) == ("High", "BRK.B", 0, False)
        with pytest.raises(KapmanError, match="gone"):
            alerts.save_rule(connection, "you", MINE, rule_id)
        alerts.delete_rule(connection, "you", rule_id)
        assert len(alerts.rules(connection, "me")) == 1
    firing = {"rule_id": rule_id, "ticker_id": 1}
    with engine.begin() as connection:
        days = [SESSION - timedelta(days=3), SESSION]
        rows = [firing | {"date": day} for day in days] + [firing | {"date": SESSION, "ticker_id": 2}]
        connection.execute(sa.insert(schema.alert_firings), rows)
        row = alerts.rules(connection, "me").iloc[0]
        assert (row["last_fired"], row["firings"]) == (SESSION, 2)
    with own.begin() as connection:
        alerts.delete_rule(connection, "me", rule_id)
        assert alerts.rules(connection, "me").empty
        assert len(alerts.rules(connection, "you")) == 1


def test_a_name_tells_rules_apart(own: sa.Engine) -> None:
    with own.begin() as connection:
        alerts.save_rule(connection, "me", MINE)
        with pytest.raises(KapmanError, match="another rule named 'Low'"):
            alerts.save_rule(connection, "me", MINE)
        with pytest.raises(KapmanError, match="needs a name"):
            alerts.save_rule(connection, "me", replace(MINE, name=" "))
        # The transaction is still good.
        alerts.save_rule(connection, "me", replace(MINE, name="Other"))
        assert alerts.rules(connection, "me")["name"].tolist() == ["Low", "Other"]
        assert alerts.is_symbol(connection, "BRK.B")
        assert not alerts.is_symbol(connection, "brk.b")


def test_the_history_is_filtered_and_the_most_urgent_of_a_session_first(own: sa.Engine, engine: sa.Engine) -> None:
    old = SESSION - timedelta(days=1)
    with engine.begin() as connection:
        rows = [
            alert("info"), alert("critical", "CRITICAL"), alert("old", "CRITICAL", old), alert("mine", user_id="me"),
            alert("yours", user_id="you"), alert("system 100%", "MEDIUM", kind="system", symbol=None),
        ]  # fmt: skip
        connection.execute(sa.insert(schema.alerts), rows)
        assert alerts.newest_session(connection) == SESSION
    assert told(own) == ["critical", "system 100%", "info", "mine", "old"]
    assert told(own, priorities=("CRITICAL",), first=SESSION) == ["critical"]
    assert told(own, kinds=("system",)) == ["system 100%"]
    assert told(own, text="0%") == ["system 100%"]
    assert told(own, text="aapl", limit=1) == ["critical"]


def test_note_is_taken_once(own: sa.Engine, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.alerts), [alert("a"), alert("b")])
    with own.begin() as connection:
        ids = alerts.history(connection, "me")["alert_id"].tolist()
        assert alerts.acknowledge(connection, ids[:1], "me") == 1
        assert alerts.acknowledge(connection, ids, "you") == 1
        found = alerts.history(connection, "me").set_index("title")
    assert found["acknowledged_by"].to_dict() == {"a": "me", "b": "you"}
    assert told(own, only_open=True) == []


def test_the_state_of_each_channel_is_told(own: sa.Engine, engine: sa.Engine) -> None:
    def message(key: str, channel: str, status: str, **given: Any) -> dict[str, Any]:
        row = {"idempotency_key": key, "kind": "alert", "channel": channel, "subject": "s", "body_text": "b"}
        return row | {"status": status, "last_error": None, "alert_id": 1} | given

    with engine.begin() as connection:
        connection.execute(sa.insert(schema.alerts), [alert("a")])
        number = connection.scalar(sa.select(schema.alerts.c.alert_id))
        rows = [
            message("1", "mail", "SENT", last_error="slow, then well"),
            message("2", "mail", "PENDING", last_error="older"),
            message("3", "mail", "FAILED", last_error="newer"),
            message("4", "slack", "SENDING"),
            message("5", "slack", "FAILED", created_at=datetime(2026, 1, 2, tzinfo=UTC)),
        ]
        for row in rows:
            connection.execute(sa.insert(schema.notifications).values(row | {"alert_id": number}))
    with own.connect() as connection:
        found = alerts.channels(connection).set_index("channel")
        assert found.loc["mail", ["waiting", "sent", "failed", "last_error"]].tolist() == [1, 1, 1, "newer"]
        assert found.loc["slack", ["waiting", "failed", "last_error"]].tolist() == [1, 0, None]
        assert len(alerts.deliveries(connection, [number])) == 5
        assert alerts.deliveries(connection, []).empty


def test_the_watchlist_is_what_was_last_saved(own: sa.Engine) -> None:
    with own.begin() as connection:
        assert alerts.set_watchlist(connection, "me", {"AAPL", "BRK.B", "NOSUCH"}) == ["NOSUCH"]
        alerts.set_watchlist(connection, "you", {"MSFT"})
        assert alerts.watched(connection, "me") == ["AAPL", "BRK.B"]
        assert alerts.set_watchlist(connection, "me", {"MSFT", "AAPL"}) == []
        assert alerts.watched(connection, "me") == ["AAPL", "MSFT"]
        alerts.set_watchlist(connection, "me", set())
        assert alerts.watched(connection, "me") == []
        assert alerts.watched(connection, "you") == ["MSFT"]
