"""Which rules fire: a rule that has fired is silent for some sessions, however often it holds in them."""

from collections.abc import Hashable, Mapping
from datetime import date
from typing import TypeVar

from kapman_resources.sessions import session_offset

COOL_DOWN = 3
"""Sessions for which a rule is silent after it fired."""

_Key = TypeVar("_Key", bound=Hashable)


def firing(
    session: date,
    held: Mapping[_Key, bool | None],
    last_fired: Mapping[_Key, date],
    cool_down: int = COOL_DOWN,
) -> list[_Key]:
    """The rules that fire in a session.

    Args:
        session: the session.
        held: by rule (or rule and symbol) whether it holds in it; one that is unknown does not fire.
        last_fired: by the same keys, the last session before this one in which it fired; without an entry it never did.
        cool_down: sessions of silence; 0 for none.

    Returns:
        Their keys, in the order of `held`.

    Raises:
        ValueError: the cool-down is negative, or a rule has fired in this session or later: what came after a session
            must not decide in it.
    """
    if cool_down < 0:
        raise ValueError(f"a cool-down of {cool_down} sessions: it must be 0 or more")
    known_later = {key: day for key, day in last_fired.items() if day >= session}
    if known_later:
        raise ValueError(f"firings of {session} take those before it only, not {known_later}")
    return [
        key
        for key, value in held.items()
        if value and (key not in last_fired or session > session_offset(last_fired[key], cool_down))
    ]
