"""What must not be read by anyone is taken out of texts that others wrote: errors, logs, answers of servers.

Which values are secret is decided by `settings` (every SecretStr) and by who holds an address with a token in it.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from pydantic import SecretStr

from kapman_resources.settings import Settings

HIDDEN = "***"

_SHORTEST = 3
"""A shorter piece is in every other word; it hides nothing and spoils the text."""

_USER_INFO = re.compile(r"(?<=://)[^\s/@]+(?=@)")
"""User and password in an address."""


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, as they are and as they stand in addresses, and without any user info of one."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret), unquote(secret))}
    # The longest first: one may be part of another, and a whole address is better hidden than in pieces.
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SHORTEST:
            text = text.replace(form, HIDDEN)
    return _USER_INFO.sub(HIDDEN, text)


def secrets_of(settings: Settings) -> list[str]:
    """The value of every setting that is secret."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, SecretStr):
                found.append(each.get_secret_value())
    return found
