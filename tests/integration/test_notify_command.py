"""`kapman notify` and the line of `kapman doctor`, as a user meets them: every channel by its name, no secret."""

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from kapman_assets.cli.doctor import Level, _channels
from kapman_assets.cli.main import app
from kapman_resources.notifier import IDEMPOTENCY_HEADER
from kapman_resources.schema import notifications
from kapman_resources.settings import load_settings
from tests.sinks import mail_server, webhook


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["notify", *arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def test_a_test_message_goes_to_each_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as mails, webhook() as hooks:
        monkeypatch.setenv("NOTIFY_URLS", f"{mails.url} {hooks.url}")
        code, said = run("test")
        assert code == 0, said
        assert said.count("taken") == 2
        assert mails.mails[0]["Subject"] == "Kapman: test"
        assert mails.mails[0][IDEMPOTENCY_HEADER].startswith("test:")
        hooks.answer = lambda _: 401
        code, said = run("test")
        assert code == 1
        assert "error=401" in said
        assert "hook-password" not in said
        assert "hook-token" not in said
        finding = _channels(load_settings())
    assert finding.level is Level.OK
    assert "mailto-127.0.0.1-" in finding.text
    monkeypatch.setenv("NOTIFY_URLS", "slack://nonsense")
    finding = _channels(load_settings())
    assert finding.level is Level.FAIL
    assert "nonsense" not in finding.text


def test_without_a_channel_it_says_what_to_set() -> None:
    code, said = run("test")
    assert code == 1
    assert "NOTIFY_URLS" in said
    assert _channels(load_settings()).level is Level.OK


def test_what_was_given_up_is_shown_and_put_back(
    engine: sa.Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", warehouse_url)
    row = {"channel": "slack-123456", "kind": "summary", "subject": "s", "body_text": "t", "last_error": "error=500"}
    with engine.begin() as connection:
        connection.execute(
            sa.insert(notifications),
            [
                {**row, "idempotency_key": "1", "status": "FAILED", "attempts": 33},
                {**row, "idempotency_key": "2", "status": "SENT", "attempts": 1},
            ],
        )
    code, said = run("status")
    assert code == 0, said
    assert "slack-123456 FAILED 1 since" in said
    assert "error=500" in said
    assert "Due again: 1" in run("retry")[1]
    with engine.connect() as connection:
        states = connection.execute(sa.select(notifications.c.status, notifications.c.attempts)).all()
    assert sorted(states) == [("PENDING", 0), ("SENT", 1)]
