"""Alerts of stored sessions: what is kept, what is told and to whom, and what asking again changes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_assets.alerts.delivery import deliver
from kapman_assets.alerts.job_history import EndedRun, keep_run
from kapman_assets.alerts.missing import GRACE, missing_alerts
from kapman_assets.alerts.outbox import is_news
from kapman_assets.alerts.quality import MAX_ALERTS, alerts_are_few
from kapman_assets.alerts.store import RULE_MESSAGES, Written, write_alerts
from kapman_assets.alerts.summary import LINES, Section, render, summarise, write_summary
from kapman_assets.alerts.system import MESSAGES_A_DAY, raise_system_alert
from kapman_resources import schema
from kapman_resources.market import claim_market
from kapman_resources.notifier import Outcome
from kapman_resources.sessions import file_due_at, opens_at, session_offset, sessions_between
from kapman_resources.settings import MarketKind

DAY = date(2026, 7, 8)
EVENING = datetime(2026, 7, 8, 22, tzinfo=UTC)
MAIL, SLACK = "mailto-example.org-111111", "slack-222222"
CHANNELS = (MAIL, SLACK)


@pytest.fixture
def names(engine: sa.Engine) -> dict[str, int]:
    """Three names by symbol."""
    with engine.begin() as connection:
        rows = connection.execute(
            sa.insert(schema.tickers).returning(schema.tickers.c.symbol, schema.tickers.c.ticker_id),
            [{"symbol": symbol} for symbol in ("AAPL", "BRK.B", "MSFT")],
        )
        return dict(rows.all())


def snapshot(engine: sa.Engine, ids: dict[str, int], symbol: str, day: date = DAY, **values: Any) -> None:
    """Put the snapshot of a name in place of one that was there."""
    c = schema.daily_snapshots.c
    row = {"date": day, "ticker_id": ids[symbol], "symbol": symbol, "data_quality": "complete", "missing": []}
    with engine.begin() as connection:
        connection.execute(sa.delete(schema.daily_snapshots).where(c.date == day, c.ticker_id == ids[symbol]))
        connection.execute(sa.insert(schema.daily_snapshots), {**row, "events_detected": [], **values})


def write(
    engine: sa.Engine, day: date = DAY, *, channels: Sequence[str] = CHANNELS, now: datetime = EVENING
) -> Written:
    with engine.begin() as connection:
        return write_alerts(connection, day, channels, now)


def rows_of(engine: sa.Engine, table: sa.Table) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))


def keys(engine: sa.Engine) -> set[str]:
    return {row.alert_key for row in rows_of(engine, schema.alerts)}


def told(engine: sa.Engine) -> list[tuple[str, str]]:
    return [(row.idempotency_key, row.channel) for row in rows_of(engine, schema.notifications)]


class Takes:
    """A sender to which everything is sent."""

    channels = CHANNELS

    def send(self, *_: Any) -> Outcome:
        """Take a message."""
        return Outcome(ok=True)


def test_an_alert_and_its_messages_are_stored_together(engine: sa.Engine, names: dict[str, int]) -> None:
    snapshot(engine, names, "AAPL", bc_score=25)
    snapshot(engine, names, "BRK.B", bc_score=3, spring_score=9)
    snapshot(engine, names, "MSFT", vsi=2.5)
    written = write(engine)
    assert (written.alerts, written.by_priority) == (3, {"CRITICAL": 1, "HIGH": 1, "INFO": 1})
    # The most urgent first, and what is not urgent not at all.
    critical, setup = f"{DAY}:AAPL:BC_CRITICAL", f"{DAY}:BRK.B:SPRING_CONFIRMED"
    assert told(engine) == [(f"{key}@{channel}", channel) for key in (critical, setup) for channel in CHANNELS]
    message = rows_of(engine, schema.notifications)[0]
    assert message.subject == "[CRITICAL] AAPL: exit immediately, BC score 25 of 28"
    assert "close the position immediately" in message.body_text
    row = next(row for row in rows_of(engine, schema.alerts) if row.alert_key == critical)
    assert (row.symbol, row.value, row.kind, row.facts["bc_score"]) == ("AAPL", 25.0, "signal", 25)


def test_asked_again_it_changes_nothing(engine: sa.Engine, names: dict[str, int]) -> None:
    snapshot(engine, names, "AAPL", bc_score=25)
    write(engine)
    before = rows_of(engine, schema.alerts), rows_of(engine, schema.notifications)
    write(engine)
    assert (rows_of(engine, schema.alerts), rows_of(engine, schema.notifications)) == before


def test_what_no_longer_fires_goes_if_nobody_was_told(engine: sa.Engine, names: dict[str, int]) -> None:
    for symbol in names:
        snapshot(engine, names, symbol, bc_score=25)
    write(engine)
    acknowledged = sa.update(schema.alerts).where(schema.alerts.c.symbol == "MSFT")
    with engine.begin() as connection:
        connection.execute(acknowledged.values(acknowledged_at=sa.func.now(), acknowledged_by="local"))
        # One of the two channels has tried, and could not.
        one = sa.select(sa.func.min(schema.notifications.c.notification_id)).scalar_subquery()
        tried = sa.update(schema.notifications).where(schema.notifications.c.notification_id == one)
        connection.execute(tried.values(attempts=1))
    for symbol in names:
        snapshot(engine, names, symbol, bc_score=3)
    written = write(engine)
    assert (written.alerts, written.removed) == (0, 1)
    assert keys(engine) == {f"{DAY}:AAPL:BC_CRITICAL", f"{DAY}:MSFT:BC_CRITICAL"}
    assert {key.split(":")[1] for key, _ in told(engine)} == {"AAPL", "MSFT"}


def test_what_was_told_stays_as_it_was_told(engine: sa.Engine, names: dict[str, int]) -> None:
    snapshot(engine, names, "AAPL", bc_score=24)
    snapshot(engine, names, "MSFT", bc_score=24)
    write(engine, channels=[MAIL])
    with engine.begin() as connection:
        sent = schema.notifications.c.idempotency_key.like("%AAPL%")
        connection.execute(sa.update(schema.notifications).where(sent).values(status="SENT", attempts=1))
    snapshot(engine, names, "AAPL", bc_score=27)
    snapshot(engine, names, "MSFT", bc_score=27)
    write(engine, channels=[MAIL])
    assert {row.symbol: row.value for row in rows_of(engine, schema.alerts)} == {"AAPL": 24.0, "MSFT": 27.0}
    subjects = {row.subject.split(":")[0][-4:]: row.subject[-8:] for row in rows_of(engine, schema.notifications)}
    assert subjects == {"AAPL": "24 of 28", "MSFT": "27 of 28"}


def test_the_silence_is_read_from_what_was_told(engine: sa.Engine, names: dict[str, int]) -> None:
    days = sessions_between(session_offset(DAY, -9), DAY)
    for day in days:
        snapshot(engine, names, "AAPL", day, bc_score=25)
        write(engine, day)
    critical = {f"{day}:AAPL:BC_CRITICAL" for day in days[::4]}
    assert keys(engine) == critical
    for day in days:
        write(engine, day)
    assert keys(engine) == critical


def test_a_backfill_of_700_sessions_tells_nobody(engine: sa.Engine, names: dict[str, int]) -> None:
    days = sessions_between(session_offset(DAY, -699), DAY)
    c = schema.daily_snapshots
    row = {"ticker_id": names["AAPL"], "symbol": "AAPL", "data_quality": "complete", "missing": [], "bc_score": 26}
    with engine.begin() as connection:
        connection.execute(sa.insert(c), [{**row, "date": day} for day in days])
    with engine.begin() as connection:
        for day in days:
            write_alerts(connection, day, CHANNELS, EVENING)
    fired = [row.date for row in rows_of(engine, schema.alerts)]
    assert fired == days[::4]
    news = [day for day in days[::4] if day >= session_offset(DAY, -3)]
    assert {key.split(":")[0] for key, _ in told(engine)} == {day.isoformat() for day in news}
    assert len(news) == 1


@pytest.mark.parametrize(("sessions_ago", "expected"), [(0, True), (3, True), (4, False), (700, False)])
def test_news_is_of_the_last_sessions(sessions_ago: int, expected: bool) -> None:
    assert is_news(session_offset(DAY, -sessions_ago), EVENING) is expected


def test_a_rule_tells_its_own_channels_and_not_of_every_name(engine: sa.Engine, names: dict[str, int]) -> None:
    many = [f"N{place:02}" for place in range(2 * RULE_MESSAGES)]
    with engine.begin() as connection:
        rows = connection.execute(
            sa.insert(schema.tickers).returning(schema.tickers.c.ticker_id), [{"symbol": symbol} for symbol in many]
        )
        ids = names | dict(zip(many, rows.scalars(), strict=True))
        rule = {"name": "hot", "condition": "snapshot_rsi_14 > 70", "universe": "all", "channels": ["slack"]}
        wrong = {"name": "wrong", "condition": "no_such_name > 1", "universe": "all", "channels": []}
        rule_ids = connection.scalars(
            sa.insert(schema.alert_rules).returning(schema.alert_rules.c.rule_id), [rule, wrong]
        ).all()
    for symbol in many:
        snapshot(engine, ids, symbol, rsi_14=80.0)
    written = write(engine)
    assert written.alerts == len(many)
    assert len(rows_of(engine, schema.alert_firings)) == len(many)
    messages = rows_of(engine, schema.notifications)
    assert len(messages) == RULE_MESSAGES
    assert {row.channel for row in messages} == {SLACK}
    assert f"one of {len(many)} names" in messages[0].body_text
    (refused,) = written.refused
    for day in (DAY, session_offset(DAY, 1)):
        with engine.begin() as connection:
            new = raise_system_alert(connection, Alert(**{**vars(refused), "session": day}), CHANNELS)
        assert new is (day == DAY)
    (kept,) = [row for row in rows_of(engine, schema.alerts) if row.kind == "system"]
    assert (kept.rule_id, kept.user_id, kept.code) == (rule_ids[1], "local", "RULE_REFUSED")
    assert "no_such_name" in kept.message


def recommend(engine: sa.Engine, ids: dict[str, int], symbol: str, **values: Any) -> None:
    row = {
        "date": DAY, "ticker_id": ids[symbol], "symbol": symbol, "action": "FORECAST", "direction": "LONG",
        "signal_type": "ENTRY_SETUP", "confidence": 0.62, "justification": "a <b>spring</b>\nheld",
        "entry_price": 100.0,
        "stop_loss": 95.0, "profit_target": 112.0, "horizon_sessions": 20, "last_session": session_offset(DAY, 20),
        "neutral_band": 0.02, "break_evens": [], "asked_provider": "rules", "provider": "rules", "model": "rules 1",
        "inputs": {}, "validation": [], "data_quality": "complete", "null_reasons": {},
    }  # fmt: skip
    with engine.begin() as connection:
        # An OPEN one needs legs of a stored chain, which say nothing here.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.insert(schema.recommendations), {**row, **values})


def outcome(engine: sa.Engine, ids: dict[str, int], symbol: str) -> None:
    row = {
        "date": DAY, "ticker_id": ids[symbol], "issued": DAY, "exit_reason": "TARGET", "underlying_return": 0.123,
        "predicted_confidence": 0.62, "outcome_status": "WIN", "null_reasons": {},
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.recommendation_outcomes), row)


def test_advice_is_told_and_what_became_of_it_kept(engine: sa.Engine, names: dict[str, int]) -> None:
    recommend(engine, names, "AAPL", action="OPEN", strategy="LONG_CALL")
    exit_now = {"action": "EXIT", "direction": "SHORT", "stop_loss": None, "profit_target": None}
    recommend(engine, names, "BRK.B", **exit_now, signal_type="EXIT_CRITICAL")
    recommend(engine, names, "MSFT")
    outcome(engine, names, "MSFT")
    write(engine, channels=[MAIL])
    found = {row.alert_key.split(":", 1)[1]: row.priority for row in rows_of(engine, schema.alerts)}
    expected = {"AAPL:RECOMMEND_OPEN": "HIGH", "BRK.B:RECOMMEND_EXIT": "CRITICAL", f"MSFT:{DAY}:OUTCOME": "INFO"}
    assert found == expected
    assert [key.split(":")[1] for key, _ in told(engine)] == ["BRK.B", "AAPL"]


def test_the_summary_says_it_all_and_is_sent_once(engine: sa.Engine, names: dict[str, int]) -> None:
    snapshot(engine, names, "AAPL", bc_score=25)
    snapshot(engine, names, "MSFT", vsi=2.5, data_quality="partial")
    recommend(engine, names, "AAPL", action="OPEN", strategy="LONG_CALL")
    outcome(engine, names, "AAPL")
    write(engine)
    with engine.begin() as connection:
        claim_market(connection, MarketKind.SIMULATED, "here")
        summary = summarise(connection, DAY)
        assert write_summary(connection, DAY, summary, CHANNELS, EVENING) == 2
    assert summary.subject == f"Kapman {DAY}: 1 critical, 1 high, 2 info; 1 new recommendation"
    for part in (
        "simulated market",
        "exit immediately",
        "LONG_CALL",
        "WIN at TARGET, underlying +12.3%",
        "2 snapshots",
    ):
        assert part in summary.text
        assert part in summary.html
    assert "<b>spring</b> held" in summary.text
    assert "<b>spring" not in summary.html
    assert "&lt;b&gt;spring&lt;/b&gt; held" in summary.html
    deliver(engine, Takes())
    with engine.begin() as connection:
        changed = render("later", "later", [])
        assert write_summary(connection, DAY, changed, CHANNELS, EVENING) == 0
    assert [row.subject for row in rows_of(engine, schema.daily_summaries)] == ["later"]
    old = session_offset(DAY, -4)
    with engine.begin() as connection:
        assert write_summary(connection, old, changed, CHANNELS, EVENING) == 0


def test_a_section_has_an_end_and_each_row_its_line() -> None:
    lines = [f"N{place}\n- forged <script>" for place in range(LINES)]
    mail = render("s", "heading", [Section("Critical", lines, more=7)])
    assert mail.text.count("\n- N") == LINES
    assert "\n- forged" not in mail.text
    assert "\n- and 7 more\n" in mail.text
    assert mail.text.startswith("heading\n\nCritical\n- N0 - forged")
    assert "<script>" not in mail.html
    assert mail.html.count("<li>") == LINES + 1


def ended(**values: Any) -> EndedRun:
    run = {
        "run_id": "r1", "job": "__ASSET_JOB", "assets": ["ohlcv"], "first_session": DAY, "last_session": DAY,
        "status": "FAILURE", "started_at": EVENING, "ended_at": EVENING, "error": "ohlcv: boom",
    }  # fmt: skip
    return EndedRun(**(run | values))


def test_a_job_that_fails_over_and_over_is_told_once(engine: sa.Engine) -> None:
    new = 0
    with engine.begin() as connection:
        for place in range(100):
            new += keep_run(connection, ended(run_id=f"r{place}"), CHANNELS, EVENING)
        keep_run(connection, ended(run_id="ok", status="SUCCESS", error=None), CHANNELS, EVENING)
        keep_run(connection, ended(run_id="r1"), CHANNELS, EVENING)
    assert new == 1
    (alert,) = rows_of(engine, schema.alerts)
    assert (alert.title, alert.priority) == (f"Run failed: ohlcv of {DAY}", "HIGH")
    assert "ohlcv: boom" in alert.message
    assert len(told(engine)) == len(CHANNELS)
    assert len(rows_of(engine, schema.job_runs)) == 101
    with engine.begin() as connection:
        assert keep_run(connection, ended(run_id="r200"), CHANNELS, EVENING + timedelta(days=1))


def test_a_backfill_whose_runs_all_fail_is_told_once(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for place in range(40):
            day = session_offset(DAY, -place)
            run = ended(run_id=f"r{place}", first_session=day, last_session=day, backfill="bf")
            keep_run(connection, run, CHANNELS, EVENING)
    assert len(rows_of(engine, schema.alerts)) == 1


def test_on_a_day_on_which_everything_fails_not_everything_is_sent(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for place in range(2 * MESSAGES_A_DAY):
            keep_run(connection, ended(run_id=f"r{place}", job=f"job {place}", assets=[]), [MAIL], EVENING)
    assert len(rows_of(engine, schema.alerts)) == 2 * MESSAGES_A_DAY
    assert len(told(engine)) == MESSAGES_A_DAY


def store_bars(engine: sa.Engine, *days: date) -> None:
    row = {"source": "rest", "uri": "x", "rows_read": 1, "rows_stored": 1, "rows_refused": 0, "ingested_at": EVENING}
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.ohlcv_sessions), [{"date": day, **row} for day in days])


def test_a_session_that_does_not_come_is_told_when_it_is_late(engine: sa.Engine, names: dict[str, int]) -> None:
    before = session_offset(DAY, -1)

    def late(now: datetime, *, has_evening_bars: bool = True) -> list[str]:
        with engine.connect() as connection:
            return [alert.key for alert in missing_alerts(connection, now, has_evening_bars=has_evening_bars)]

    # Where nothing ever began nothing is missing.
    assert late(opens_at(DAY) + GRACE) == []
    store_bars(engine, session_offset(DAY, -5), session_offset(DAY, -3), session_offset(DAY, -2), before)
    snapshot(engine, names, "AAPL", before)
    assert late(opens_at(DAY) + GRACE - timedelta(seconds=1)) == []
    bars, snapshots = f"{DAY}:ohlcv:MISSING_SESSION", f"{DAY}:daily_snapshots:MISSING_SESSION"
    assert late(opens_at(DAY) + GRACE) == [bars, snapshots]
    # Without a source in the evening the flat file of the next morning is waited for.
    assert late(opens_at(DAY) + GRACE, has_evening_bars=False) == []
    assert late(file_due_at(DAY) + GRACE, has_evening_bars=False) == [bars, snapshots]
    store_bars(engine, DAY)
    assert late(opens_at(DAY) + GRACE) == [snapshots]


def test_a_session_with_too_many_alerts_is_noticed(engine: sa.Engine) -> None:
    def many(priority: str) -> list[dict[str, Any]]:
        row = {
            "date": DAY,
            "kind": "signal",
            "code": "X",
            "priority": priority,
            "title": "",
            "message": "",
            "facts": {},
        }
        return [{**row, "alert_key": f"{priority}{place}"} for place in range(MAX_ALERTS + 1)]

    with engine.begin() as connection:
        connection.execute(sa.insert(schema.alerts), many("INFO"))
        assert alerts_are_few(connection, [DAY]).passed
        connection.execute(sa.insert(schema.alerts), many("LOW"))
        assert not alerts_are_few(connection, [DAY]).passed
        assert alerts_are_few(connection, [session_offset(DAY, -1)]).passed


def test_an_alert_that_is_no_news_is_kept_and_told_when_it_is(engine: sa.Engine) -> None:
    alert = Alert(DAY, Kind.SYSTEM, "X", "s", Priority.HIGH, "t", "m", is_of_session=False)
    with engine.begin() as connection:
        assert raise_system_alert(connection, alert, CHANNELS, is_told=False)
        assert not raise_system_alert(connection, alert, CHANNELS)
    assert len(told(engine)) == len(CHANNELS)


def test_a_message_that_is_on_its_way_is_not_taken_back(engine: sa.Engine, names: dict[str, int]) -> None:
    snapshot(engine, names, "AAPL", bc_score=25)
    write(engine, channels=[MAIL])

    class Meanwhile(Takes):
        """While it sends, the session is asked again, and the alert no longer fires."""

        def send(self, *message: Any) -> Outcome:
            """Take a message."""
            snapshot(engine, names, "AAPL", bc_score=3)
            assert write(engine, channels=[MAIL]).removed == 0
            return super().send(*message)

    deliver(engine, Meanwhile())
    (message,) = rows_of(engine, schema.notifications)
    assert (message.status, message.attempts) == ("SENT", 1)
    assert keys(engine) == {f"{DAY}:AAPL:BC_CRITICAL"}
