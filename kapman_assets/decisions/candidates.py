"""Which names are advised on in a session: watched first, with a signal that is new. Pure rules on stored rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from kapman_assets.wyckoff.parameters import SignalRules
from kapman_resources.sessions import session_offset

ACTIONABLE = frozenset({"ENTRY_SIGNAL", "ENTRY_SETUP", "EXIT_CRITICAL", "EXIT_WARNING"})
"""Signals that ask for a decision."""

LOOK_BACK_SESSIONS = 5
"""How far back a name's signal is looked for that is compared with: a halt or a missed session makes no news."""

_ENTRY_EVENTS = frozenset({"SPRING", "SOS"})
_CLIMAX_EVENTS = frozenset({"BC"})
_WEAKNESS_EVENTS = frozenset({"SOW"})


@dataclass(frozen=True)
class Reading:
    """What is stored of a name in a session.

    Attributes:
        date: the session.
        ticker_id: the name.
        signal_type: its badge.
        bc_score: buying climax score, 0 to 28.
        active: its active events, oldest first.
    """

    date: date
    ticker_id: int
    signal_type: str
    bc_score: int | None
    active: tuple[str, ...]


def new_signals(
    readings: Iterable[Reading], confirmed: Mapping[tuple[date, int], Collection[str]], first: date
) -> Iterator[Reading]:
    """The readings from `first` on whose signal is actionable and new, by session.

    New is a signal that differs from the one of the name's reading before it, within `LOOK_BACK_SESSIONS`, or that
    rests on an event which the session confirmed.

    Args:
        readings: of the sessions and of the look-back before them, in any order.
        confirmed: events that each session confirmed, by session and name.
        first: the first session asked for.
    """
    before: dict[int, Reading] = {}
    for reading in sorted(readings, key=lambda one: (one.date, one.ticker_id)):
        earlier = before.get(reading.ticker_id)
        before[reading.ticker_id] = reading
        if reading.date < first or reading.signal_type not in ACTIONABLE:
            continue
        is_known = earlier is not None and earlier.date >= session_offset(reading.date, -LOOK_BACK_SESSIONS)
        has_changed = not is_known or earlier is None or earlier.signal_type != reading.signal_type
        news = set(confirmed.get((reading.date, reading.ticker_id), ())) & set(reading.active)
        if has_changed or news & events_behind(reading.signal_type, reading.bc_score):
            yield reading


def events_behind(signal_type: str, bc_score: int | None) -> frozenset[str]:
    """The events that a signal can rest on."""
    if signal_type in {"ENTRY_SIGNAL", "ENTRY_SETUP"}:
        return _ENTRY_EVENTS
    by_score = signal_type == "EXIT_CRITICAL" or (bc_score is not None and bc_score >= SignalRules.bc_caution)
    return _CLIMAX_EVENTS if by_score else _WEAKNESS_EVENTS
