"""What the Today page asks, against rows put there by hand."""

import sqlalchemy as sa

from kapman_resources import schema
from kapman_ui.queries import today
from tests.unit.options.chains import SESSION
from tests.unit.ui.advised import BEFORE, ISSUED, fill_advice, fill_signals


def test_signals_are_those_that_ask_for_something(engine: sa.Engine) -> None:
    fill_signals(engine)
    with engine.connect() as connection:
        found = today.signals(connection, SESSION)
        assert dict(zip(found["symbol"], found["signal_type"], strict=True)) == {
            "BUY": "ENTRY_SIGNAL",
            "LEAVE": "EXIT_CRITICAL",
            "WON": "EXIT_WARNING",
        }
        assert found.set_index("symbol")["bc_score"].to_dict() == {"BUY": 4, "LEAVE": 25, "WON": 20}
        assert today.signals(connection, ISSUED).empty
        assert today.session_before(connection, SESSION) == BEFORE
        assert today.session_before(connection, BEFORE) is None


def test_a_name_without_a_reading_is_counted_as_such(engine: sa.Engine) -> None:
    fill_signals(engine)
    with engine.begin() as connection:
        s = schema.daily_snapshots
        connection.execute(sa.update(s).where(s.c.symbol == "CALM").values(events_detected=None))
        assert today.names_read(connection, SESSION) == (6, 1)


def test_open_ones_come_by_urgency_and_then_by_calibrated_confidence(engine: sa.Engine) -> None:
    fill_advice(engine)
    with engine.connect() as connection:
        found = today.open_recommendations(connection, SESSION)
    # CALM says 0.8 and is calibrated to 0.6; LEAVE says 0.7 and has no calibration.
    assert found["symbol"].tolist() == ["BUY", "LEAVE", "CALM"]
    first = found.iloc[0]
    assert first["review_verdict"] == "CLOSE"
    assert first["review_date"] == SESSION
    assert [leg["contract"] for leg in first["legs"]] == ["O:BUY"]


def test_what_ended_and_what_changed_is_of_the_session_alone(engine: sa.Engine) -> None:
    fill_advice(engine)
    with engine.connect() as connection:
        assert today.closed(connection, SESSION)["symbol"].tolist() == ["WON"]
        assert today.closed(connection, BEFORE)["symbol"].tolist() == ["LOST", "NEVER"]
        found = today.changes(connection, SESSION, BEFORE).set_index("symbol")
    assert found["signal_now"].to_dict() == {"BUY": "ENTRY_SIGNAL", "LEAVE": "EXIT_CRITICAL"}
    assert found.loc["LEAVE", ["signal_before", "phase_before", "phase_now"]].tolist() == ["EXIT_WARNING", "D", "E"]


def test_critical_alerts_are_the_users_and_everyones(engine: sa.Engine) -> None:
    ids = fill_signals(engine)
    rows = [
        {"alert_key": key, "date": day, "kind": "signal", "code": "X", "priority": priority, "user_id": whose,
         "ticker_id": ids["BUY"], "symbol": "BUY", "title": key, "message": "m", "facts": {}}
        for key, day, priority, whose in (
            ("all", SESSION, "CRITICAL", None),
            ("mine", SESSION, "CRITICAL", "me"),
            ("yours", SESSION, "CRITICAL", "you"),
            ("high", SESSION, "HIGH", None),
            ("old", BEFORE, "CRITICAL", None),
        )
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.alerts), rows)
        assert today.critical_alerts(connection, SESSION, "me")["title"].tolist() == ["all", "mine"]
