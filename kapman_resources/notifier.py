"""The channels of `NOTIFY_URLS`: what each is called, and one message to one of them through Apprise.

When a message is sent, and how often, is decided by `kapman_assets.alerts.delivery`. Apprise is imported when the
first message is sent: names of channels are needed by processes that send none.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from kapman_resources.redaction import redacted

IDEMPOTENCY_HEADER = "Idempotency-Key"
"""Header of mails and webhooks that says which message it is; other channels have it as their last line."""

SEND_SECONDS = 60.0
"""After so long an attempt is given up, whatever the other side does."""

_SOCKET_SECONDS = 20.0
"""Apprise's own 4 s are too short for a mail server that checks what it takes; `cto` and `rto` of an address win."""

_WITH_HOST = frozenset({"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises"})
"""Schemes whose host is one. In others a token may stand in its place, as in slack://token/..."""

_MAIL = frozenset({"mailto", "mailtos"})
"""Schemes for which Apprise's pause of 5.5 s after a message is for nothing; services that need one have theirs."""

_ERROR_LENGTH = 500

_REFUSED = re.compile(r"\berror=(?:400|413|415|422)\b")
"""The channel read the message and does not want it: the same one will be refused again."""

_NOTHING_WAS_SENT = re.compile(r"connect timeout|ConnectTimeout|refused|NewConnectionError|NameResolutionError", re.I)
_UNCERTAIN = re.compile(r"timed out|timeout|reset|aborted|unexpectedly closed|without response|broken pipe", re.I)


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended.

    Attributes:
        ok: the channel took the message.
        error: why not, without secrets; empty if it did.
        refused: the message itself was refused, which another attempt will not change.
        uncertain: the channel may have taken it all the same: it stopped answering after the message had left.
    """

    ok: bool
    error: str = ""
    refused: bool = False
    uncertain: bool = False


@lru_cache(maxsize=64)
def channel_name(url: SecretStr) -> str:
    """Short name of an address, the same in every process: scheme, host where it is none of the secrets, and a hash.

    The hash is a slow one of few bits, so that a name in a log or a table is no help in guessing a password.
    """
    address = url.get_secret_value()
    # The salt keeps apart from other uses, no more: the name must be the same everywhere.
    digest = hashlib.scrypt(address.encode(), salt=b"kapman notification channel", n=2**13, r=8, p=1, dklen=3).hex()
    scheme, host = _scheme(address), _host(address)
    return "-".join([scheme, *([host] if scheme in _WITH_HOST and host else []), digest])


def channel_names(urls: Sequence[SecretStr]) -> tuple[str, ...]:
    """The names of all addresses, in their order, each once."""
    return tuple(dict.fromkeys(channel_name(url) for url in urls))


def chosen_channels(channels: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the channels that are wanted, by name or by scheme; all of them where nothing is said."""
    return tuple(name for name in channels if not wanted or name in wanted or name.split("-", 1)[0] in wanted)


class Notifier:
    """Sends messages through the configured addresses."""

    def __init__(self, urls: Sequence[SecretStr]) -> None:
        """Take the addresses as they stand in `NOTIFY_URLS`; what is wrong with one is said when it is used."""
        self._urls = {channel_name(url): url for url in urls}
        self._services: dict[str, Any] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return tuple(self._urls)

    def problem(self, channel: str) -> str:
        """What is wrong with an address, without secrets; empty if Apprise understands it."""
        with_host = channel.split("-", 1)[0] in _WITH_HOST
        example = "mailtos://user:password@host?to=name@host" if with_host else "see Apprise's page of the service"
        known = self._service(channel) is not None
        return "" if known else f"NOTIFY_URLS: Apprise does not understand the address of {channel} ({example})"

    def send(self, channel: str, subject: str, text: str, html: str | None, idempotency_key: str) -> Outcome:
        """Try once to send one message.

        Args:
            channel: one of `channels`.
            subject: one line.
            text: plain text.
            html: the same as HTML, for channels whose own form it is, such as mail; their plain text is made from it.
            idempotency_key: goes with the message, so that a receiver can tell a repetition.

        Raises:
            KeyError: there is no such channel.
        """
        if problem := self.problem(channel):
            return Outcome(ok=False, error=problem)
        import apprise

        service = self._service(channel)
        if isinstance(getattr(service, "headers", None), dict):
            service.headers[IDEMPOTENCY_HEADER] = idempotency_key
        else:
            text, html = f"{text}\n\n{idempotency_key}", None
        formats = service.notify_format
        if (formats[0] if isinstance(formats, tuple) else formats) != apprise.NotifyFormat.HTML:
            html = None
        one = apprise.Apprise(asset=service.asset)
        one.add(service)
        with one.notify(
            body=text if html is None else html,
            title=subject,
            body_format=apprise.NotifyFormat.TEXT if html is None else apprise.NotifyFormat.HTML,
            timeout=SEND_SECONDS,
            log_level=logging.DEBUG,
        ) as result:
            if result:
                return Outcome(ok=True)
            reasons = list(_reasons(result))
            timed_out = result.status is apprise.AppriseResultStatus.TIMEOUT
        if timed_out:
            reasons.append(f"no end after {SEND_SECONDS:.0f} s")
        error = redacted(
            "; ".join(dict.fromkeys(reasons)) or "Apprise did not say why", address_secrets(self._urls[channel])
        )
        return Outcome(
            ok=False,
            error=error[:_ERROR_LENGTH],
            refused=bool(_REFUSED.search(error)),
            uncertain=timed_out or (bool(_UNCERTAIN.search(error)) and not _NOTHING_WAS_SENT.search(error)),
        )

    def _service(self, channel: str) -> Any:
        """Apprise's plugin for a channel, kept so that it can hold its rate limit; None if the address is none."""
        if channel not in self._services:
            import apprise

            # Its reasons are in its debug messages, and addresses too: nobody but `send` hears them. Those of
            # urllib3 have the paths of webhooks, which are tokens.
            logging.getLogger("urllib3").setLevel(logging.INFO)
            log = logging.getLogger("apprise")
            log.setLevel(logging.DEBUG)
            log.propagate = False
            if not log.handlers:
                log.addHandler(logging.NullHandler())
            asset = apprise.AppriseAsset(app_id="Kapman", app_desc="Kapman", app_url="", storage_mode="memory")
            address = self._urls[channel].get_secret_value()
            service = apprise.Apprise.instantiate(address, asset=asset)
            given = {name for name, _ in parse_qsl(urlsplit(address).query)}
            for option, attribute in (("cto", "socket_connect_timeout"), ("rto", "socket_read_timeout")):
                if service is not None and option not in given:
                    setattr(service, attribute, _SOCKET_SECONDS)
            if service is not None and _scheme(address) in _MAIL:
                service.request_rate_per_sec = 0.0
            self._services[channel] = service
        return self._services[channel]


def _reasons(result: Any) -> Iterator[str]:
    """What Apprise said of a failure that tells a reader why."""
    for entry in result.logs():
        if entry.level in {"WARNING", "ERROR", "CRITICAL"}:
            yield " ".join(str(entry.message).split())
        elif "Exception" in entry.message or "Response Details" in entry.message:
            yield " ".join(str(entry.message).split())[:_ERROR_LENGTH]


def _scheme(address: str) -> str:
    scheme = address.partition("://")[0].lower()
    return scheme if re.fullmatch(r"[a-z][a-z0-9+.]*", scheme) else "unknown"


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def address_secrets(url: SecretStr) -> list[str]:
    """Every piece of an address that an error must not repeat."""
    address = url.get_secret_value()
    pieces: list[str | None]
    try:
        parts = urlsplit(address)
        pieces = [
            parts.username,
            parts.password,
            *parts.path.split("/"),
            *(value for _, value in parse_qsl(parts.query)),
        ]
    except ValueError:
        return [address, *re.split(r"[/:@?&=]", address)]
    if _scheme(address) not in _WITH_HOST:
        pieces += re.split(r"[@:]", parts.netloc)
    # Ports and seconds hide nothing, and would spoil the status in an error.
    return [address, *(unquote(piece) for piece in pieces if piece and not re.fullmatch(r"\d{1,5}|yes|no", piece))]
