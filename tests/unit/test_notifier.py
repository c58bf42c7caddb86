"""One message to one channel, by the real Apprise to receivers on loopback: what arrives, and what an error says."""

import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from kapman_resources.notifier import IDEMPOTENCY_HEADER, Notifier, channel_name, channel_names, chosen_channels
from kapman_resources.redaction import redacted, secrets_of
from kapman_resources.settings import Settings
from tests.sinks import MailServer, Webhook, mail_server, unused_port, webhook

SLACK = "slack://TTOKENAAA/BTOKENBBB/ctokenCCCddd/#general"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def hooks() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


def only(url: str) -> tuple[Notifier, str]:
    notifier = Notifier([SecretStr(url)])
    (channel,) = notifier.channels
    return notifier, channel


@pytest.mark.parametrize(
    ("url", "begins", "secrets"),
    [
        ("mailto://trader:pa55word@gmail.com", "mailto-gmail.com-", ["trader", "pa55word"]),
        ("mailtos://smtp.example.org:587?user=me@example.org&pass=pa55word", "mailtos-smtp.example.org-", ["pa55word"]),
        (SLACK, "slack-", ["token", "general", "TTOKENAAA", "ttokenaaa"]),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram-", ["123456789", "abcdefg", "12315544"]),
        ("jsons://user:pa55word@hooks.example.org/tok3n", "jsons-hooks.example.org-", ["user", "pa55word", "tok3n"]),
        ("json://[broken", "json-", ["broken"]),
        ("no address at all", "unknown-", ["address"]),
    ],
)
def test_a_channel_is_named_without_secrets(url: str, begins: str, secrets: list[str]) -> None:
    name = channel_name(SecretStr(url))
    assert name.startswith(begins)
    assert len(name) == len(begins) + 6
    assert not [secret for secret in secrets if secret in name]


def test_names_tell_addresses_apart_and_stay() -> None:
    urls = [SecretStr("slack://TA/BB/CC"), SecretStr("slack://TA/BB/CD"), SecretStr("slack://TA/BB/CC")]
    names = channel_names(urls)
    assert len(names) == 2
    assert names == channel_names(urls)


def test_channels_are_chosen_by_name_or_scheme() -> None:
    channels = ("mailto-a.org-111111", "slack-222222", "slack-333333")
    assert chosen_channels(channels, ()) == channels
    assert chosen_channels(channels, ("slack",)) == channels[1:]
    assert chosen_channels(channels, ("slack-333333", "mailto")) == (channels[0], channels[2])
    assert chosen_channels(channels, ("sms",)) == ()


def test_a_mail_has_both_forms_its_key_and_one_line_of_subject(mails: MailServer) -> None:
    notifier, channel = only(mails.url)
    html = "<p>Größer als <b>20</b></p><ul><li>A</li><li>B</li></ul>"
    assert notifier.send(channel, "Überschrift\nBcc: x@example.com", "Größer als 20", html, "key-1").ok
    (mail,) = mails.mails
    assert mail["Subject"] == "Überschrift Bcc: x@example.com"
    assert mail["Bcc"] is None
    assert mail["To"] == "trader@example.com"
    assert mail[IDEMPOTENCY_HEADER] == "key-1"
    assert mail.get_content_type() == "multipart/alternative"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().split() == ["Größer", "als", "20", "-", "A", "-", "B"]
    assert rich.get_content().strip() == html


def test_a_text_stays_a_text(mails: MailServer) -> None:
    notifier, channel = only(mails.url)
    assert notifier.send(channel, "s", "1 < 2 & <b>no tag</b>\nline", None, "key-1").ok
    assert mails.mails[0].get_content_type() == "text/plain"
    assert mails.mails[0].get_content().split("\r\n")[:2] == ["1 < 2 & <b>no tag</b>", "line"]


def test_a_webhook_takes_the_message_with_its_key(hooks: Webhook) -> None:
    notifier, channel = only(hooks.url)
    assert notifier.send(channel, "subject", "text", None, "key-1").ok
    assert notifier.send(channel, "subject", "text", "<p>text</p>", "key-2").ok
    assert [hook.headers[IDEMPOTENCY_HEADER.lower()] for hook in hooks.hooks] == ["key-1", "key-2"]
    assert [(hook.body["title"], hook.body["message"]) for hook in hooks.hooks] == [("subject", "text")] * 2


def test_a_channel_without_headers_has_the_key_as_its_last_line(hooks: Webhook) -> None:
    # Mattermost's own API, on a loopback server: its plugin sets no header for us.
    notifier, channel = only(f"mmost://127.0.0.1:{hooks.port}/tokentokentoken")
    assert notifier.send(channel, "subject", "text", "<p>text</p>", "key-1").ok
    assert hooks.hooks[0].body["text"].splitlines()[-1] == "key-1"


@pytest.mark.parametrize(
    ("status", "refused"), [(400, True), (413, True), (401, False), (404, False), (429, False), (500, False)]
)
def test_a_status_is_told_and_what_it_means_for_the_message(hooks: Webhook, status: int, refused: bool) -> None:
    notifier, channel = only(hooks.url)
    hooks.answer = lambda _: status
    outcome = notifier.send(channel, "subject", "text", None, "key-1")
    assert not outcome.ok
    assert f"error={status}" in outcome.error
    assert (outcome.refused, outcome.uncertain) == (refused, False)


def test_a_channel_that_says_nothing_may_have_taken_it(hooks: Webhook) -> None:
    notifier, channel = only(hooks.url)
    hooks.answer = lambda _: None
    outcome = notifier.send(channel, "subject", "text", None, "key-1")
    assert (outcome.ok, outcome.uncertain) == (False, True)
    assert "timed out" in outcome.error
    assert len(hooks.hooks) == 1


def test_a_mail_that_is_refused_says_why(mails: MailServer) -> None:
    notifier, channel = only(mails.url)
    mails.answer = "451 greylisted, come back"
    outcome = notifier.send(channel, "s", "t", None, "key-1")
    assert (outcome.ok, outcome.refused, outcome.uncertain) == (False, False, False)
    assert "greylisted" in outcome.error


@pytest.mark.parametrize("scheme", ["mailto", "json"])
def test_nobody_there_is_certain(scheme: str) -> None:
    notifier, channel = only(f"{scheme}://127.0.0.1:{unused_port()}?from=a@example.com&to=b@example.com")
    outcome = notifier.send(channel, "s", "t", None, "key-1")
    assert (outcome.ok, outcome.uncertain) == (False, False)
    assert "refused" in outcome.error


class Kept(logging.Handler):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.text += f"{record.getMessage()}\n"


@pytest.fixture
def log() -> Iterator[Kept]:
    """Everything that reaches the root logger; pytest's own fixture also hears loggers that tell nobody."""
    root, handler = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_no_secret_is_in_an_error_or_a_log(hooks: Webhook, log: Kept) -> None:
    port = unused_port()
    secrets = ["hook-password", "hook-token", "pa55word", "TTOKENAAA", "ctokenCCCddd", "tok/en"]
    urls = [
        hooks.url,
        f"json://trader:pa55word@127.0.0.1:{port}/hook-token/tok%2Fen",
        f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com&user=me&pass=pa55word",
        f"mmost://TTOKENAAA@127.0.0.1:{port}/ctokenCCCddd",
        "nonsense://pa55word",
    ]
    hooks.answer = lambda _: 500
    notifier = Notifier([SecretStr(url) for url in urls])
    for channel in notifier.channels:
        outcome = notifier.send(channel, "s", "t", None, "key-1")
        assert not outcome.ok
        assert outcome.error
        assert not [secret for secret in secrets if secret in outcome.error], outcome.error
        assert not [secret for secret in secrets if secret in notifier.problem(channel)]
    assert not [secret for secret in secrets if secret in log.text]


def test_an_address_that_is_none_is_told_by_name() -> None:
    notifier, channel = only("slack://nonsense")
    assert channel in notifier.problem(channel)
    assert "NOTIFY_URLS" in notifier.send(channel, "s", "t", None, "key-1").error


def test_secrets_are_taken_out_in_every_form() -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://u:pw@h/d"), notify_urls=(SecretStr(SLACK), SecretStr("mailto://a:b@c.org"))
    )
    secrets = secrets_of(settings)
    assert set(secrets) == {"postgresql://u:pw@h/d", SLACK, "mailto://a:b@c.org"}
    text = f"cannot reach {SLACK} or postgresql://other:word@h/d, key a%2Fb of a/b"
    assert redacted(text, [*secrets, "a/b"]) == "cannot reach *** or postgresql://***@h/d, key *** of ***"
