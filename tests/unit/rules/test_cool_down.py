"""A rule that has fired is silent for three sessions, over weekends and holidays."""

from datetime import date

import pytest

from kapman_assets.rules.cool_down import firing
from kapman_resources.sessions import sessions_between

# Thanksgiving is the 26th.
MONDAY, TUESDAY, WEDNESDAY, FRIDAY, NEXT_MONDAY = (
    date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 30)
)  # fmt: skip


def test_silence_is_counted_in_sessions() -> None:
    for session in (TUESDAY, WEDNESDAY, FRIDAY):
        assert firing(session, {"a": True}, {"a": MONDAY}) == []
    assert firing(NEXT_MONDAY, {"a": True}, {"a": MONDAY}) == ["a"]


def test_only_what_holds_fires() -> None:
    held = {"holds": True, "does not": False, "unknown": None, ("of a symbol", "XLK"): True}

    assert firing(MONDAY, held, {}) == ["holds", ("of a symbol", "XLK")]


def test_another_cool_down() -> None:
    assert firing(TUESDAY, {"a": True}, {"a": MONDAY}, cool_down=0) == ["a"]
    assert firing(TUESDAY, {"a": True}, {"a": MONDAY}, cool_down=1) == []
    assert firing(WEDNESDAY, {"a": True}, {"a": MONDAY}, cool_down=1) == ["a"]
    with pytest.raises(ValueError, match="0 or more"):
        firing(TUESDAY, {}, {}, cool_down=-1)


def test_a_rule_that_always_holds_fires_every_fourth_session() -> None:
    sessions = sessions_between(date(2026, 1, 2), date(2026, 3, 31))
    last_fired: dict[str, date] = {}
    fired = []
    for session in sessions:
        if firing(session, {"a": True}, last_fired):
            last_fired["a"] = session
            fired.append(session)

    assert fired == sessions[::4]


@pytest.mark.parametrize("later", [TUESDAY, WEDNESDAY])
def test_a_later_firing_is_not_asked(later: date) -> None:
    with pytest.raises(ValueError, match="before it only"):
        firing(TUESDAY, {"a": True}, {"a": later})
