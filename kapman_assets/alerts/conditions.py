"""The built-in conditions on a session's snapshots and events, with the priorities of v2.0 §5.5 and §5.6.

Plain functions on rows: where rows come from, and who is told, is decided elsewhere. A condition is asked of the
session alone; it is said when it is new, and then not again for the cool-down unless it becomes more urgent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_assets.rules.cool_down import firing
from kapman_assets.wyckoff.parameters import SignalRules

VOLUME_SURGE = 2.0
"""Volume surge index, standard deviations."""


@dataclass(frozen=True)
class Snapshot:
    """What the conditions read of a row of `daily_snapshots`; None is unknown, and fires nothing."""

    ticker_id: int
    symbol: str
    bc_score: int | None = None
    spring_score: int | None = None
    events_detected: Sequence[str] | None = None
    primary_event: str | None = None
    primary_event_confidence: float | None = None
    vsi: float | None = None
    wyckoff_phase: str | None = None


@dataclass(frozen=True)
class ConfirmedEvent:
    """A Wyckoff event that the session confirmed."""

    ticker_id: int
    event: str
    event_date: date
    confidence: float
    price_level: float


@dataclass(frozen=True)
class _Condition:
    """One condition.

    Attributes:
        code: as in `v_alerts`.
        family: conditions that say more or less of the same: only the most urgent that holds is said.
        priority: how urgent.
        holds: whether it does; unknown values do not.
        events: those it rests on: one that is confirmed makes it new.
        is_repeated: said again after the cool-down for as long as it holds.
        value: the number behind it.
        title: what a reader sees first; filled with the snapshot's fields.
        message: what it asks for; likewise.
    """

    code: str
    family: str
    priority: Priority
    holds: Callable[[Snapshot], bool]
    value: Callable[[Snapshot], float | None]
    title: str
    message: str
    events: frozenset[str] = frozenset()
    is_repeated: bool = False


def _at_least(value: float | None, bound: float) -> bool:
    return value is not None and value >= bound


def _may_be_entered(row: Snapshot) -> bool:
    return row.bc_score is not None and row.bc_score < SignalRules.bc_no_entry


CONDITIONS = (
    _Condition(
        code="BC_CRITICAL",
        family="BC",
        priority=Priority.CRITICAL,
        holds=lambda row: _at_least(row.bc_score, SignalRules.bc_critical),
        value=lambda row: row.bc_score,
        title="{symbol}: exit immediately, BC score {bc_score} of 28",
        message="The buying climax score is {bc_score}, at or above 24: close the position immediately.",
        events=frozenset({"BC"}),
        is_repeated=True,
    ),
    _Condition(
        code="SPRING_SOS",
        family="ENTRY",
        priority=Priority.HIGH,
        holds=lambda row: {"SPRING", "SOS"} <= set(row.events_detected or ()) and _may_be_entered(row),
        value=lambda row: row.spring_score,
        title="{symbol}: entry signal, spring confirmed with a sign of strength",
        message="A spring and a sign of strength stand in the structure, and the BC score is {bc_score}, below 12: "
        "consider opening a position.",
        events=frozenset({"SPRING", "SOS"}),
    ),
    _Condition(
        code="SPRING_CONFIRMED",
        family="ENTRY",
        priority=Priority.HIGH,
        holds=lambda row: _at_least(row.spring_score, SignalRules.spring_setup) and _may_be_entered(row),
        value=lambda row: row.spring_score,
        title="{symbol}: entry setup, spring score {spring_score} of 12",
        message="The spring score is {spring_score}, at or above 9, and the BC score is {bc_score}, below 12: "
        "consider opening a position.",
        events=frozenset({"SPRING"}),
    ),
    _Condition(
        code="BC_WARNING",
        family="BC",
        priority=Priority.MEDIUM,
        holds=lambda row: _at_least(row.bc_score, SignalRules.bc_caution),
        value=lambda row: row.bc_score,
        title="{symbol}: caution, BC score {bc_score} of 28",
        message="The buying climax score is {bc_score}, at or above 20: prepare the exit and monitor closely.",
        events=frozenset({"BC"}),
    ),
    _Condition(
        code="SOW_DETECTED",
        family="SOW",
        priority=Priority.MEDIUM,
        holds=lambda row: row.primary_event == "SOW",
        value=lambda row: row.primary_event_confidence,
        title="{symbol}: caution, sign of weakness",
        message="A sign of weakness is the event that matters most: prepare the exit and monitor closely.",
        events=frozenset({"SOW"}),
    ),
    _Condition(
        code="VOLUME_SURGE",
        family="VOLUME",
        priority=Priority.INFO,
        holds=lambda row: row.vsi is not None and row.vsi > VOLUME_SURGE,
        value=lambda row: row.vsi,
        title="{symbol}: volume surge, {vsi:.1f} standard deviations",
        message="The volume surge index is {vsi:.2f}, above 2: it may confirm an event.",
    ),
)
"""In the order of `v_alerts`, the most urgent first."""

_FAMILY = {condition.code: condition.family for condition in CONDITIONS}
_PLACE = {condition.code: place for place, condition in enumerate(CONDITIONS)}


def fired(
    session: date,
    now: Iterable[Snapshot],
    before: Iterable[Snapshot],
    events: Iterable[ConfirmedEvent],
    last_fired: Mapping[tuple[int, str], date],
) -> list[Alert]:
    """The alerts of a session, by ticker.

    Args:
        session: the session.
        now: its snapshots.
        before: those of the session before it; a name without one has nothing to compare with, and what holds is new.
        events: what the session confirmed; of names without a snapshot they are not told.
        last_fired: by ticker and code, when it was last told before the session.
    """
    earlier = {row.ticker_id: row for row in before}
    confirmed: dict[int, list[ConfirmedEvent]] = {}
    for event in events:
        confirmed.setdefault(event.ticker_id, []).append(event)
    found = []
    for row in sorted(now, key=lambda row: row.ticker_id):
        own = {code: day for (ticker_id, code), day in last_fired.items() if ticker_id == row.ticker_id}
        alerts = _of_name(session, row, earlier.get(row.ticker_id), confirmed.get(row.ticker_id, []))
        kept = set(firing(session, dict.fromkeys(alerts, True), _silencing(alerts, own)))
        found += [alert for code, alert in alerts.items() if code in kept]
    return found


def _silencing(codes: Iterable[str], last_fired: Mapping[str, date]) -> dict[str, date]:
    """By code, when it or something at least as urgent of its family was last told."""
    silencing = {}
    for code in codes:
        said = [
            day
            for other, day in last_fired.items()
            if other == code
            or (other in _FAMILY and _FAMILY[other] == _FAMILY.get(code) and _PLACE[other] < _PLACE[code])
        ]
        if said:
            silencing[code] = max(said)
    return silencing


def _of_name(
    session: date, row: Snapshot, before: Snapshot | None, events: Sequence[ConfirmedEvent]
) -> dict[str, Alert]:
    """Everything that is new of a name, by code, whatever was told before."""
    found: dict[str, Alert] = {}
    names = {event.event for event in events}
    said: set[str] = set()
    covered: set[str] = set()
    for condition in CONDITIONS:
        if condition.family in said or not condition.holds(row):
            continue
        said.add(condition.family)
        covered |= condition.events
        held = before is not None and any(
            other.holds(before)
            for other in CONDITIONS[: _PLACE[condition.code] + 1]
            if other.family == condition.family
        )
        if not held or condition.is_repeated or names & condition.events:
            found[condition.code] = _alert(
                session,
                row,
                condition.code,
                condition.priority,
                title=condition.title,
                message=condition.message,
                value=condition.value(row),
            )
    for alert in _of_events(session, row, [event for event in events if event.event not in covered]):
        found[alert.code] = alert
    phases = (before.wyckoff_phase if before else None, row.wyckoff_phase)
    if None not in phases and phases[0] != phases[1]:
        found["PHASE_CHANGED"] = _alert(
            session,
            row,
            "PHASE_CHANGED",
            Priority.INFO,
            title=f"{{symbol}}: Wyckoff phase {phases[0]} to {phases[1]}",
            message=f"The Wyckoff phase was {phases[0]} in the session before and is {phases[1]} now.",
        )
    return found


def _of_events(session: date, row: Snapshot, events: Iterable[ConfirmedEvent]) -> Iterator[Alert]:
    """Events that no condition speaks of."""
    for event in sorted(events, key=lambda event: (event.event, event.event_date)):
        is_weakness = event.event == "SOW"
        yield _alert(
            session,
            row,
            "SOW_DETECTED" if is_weakness else f"EVENT_{event.event}",
            Priority.MEDIUM if is_weakness else Priority.LOW,
            title=f"{{symbol}}: {event.event} confirmed",
            message=f"{event.event} of {event.event_date} at {event.price_level:.2f} USD a share was confirmed with "
            f"confidence {event.confidence:.2f}.",
            value=event.confidence,
            event_date=event.event_date.isoformat(),
        )


def _alert(
    session: date,
    row: Snapshot,
    code: str,
    priority: Priority,
    *,
    title: str,
    message: str,
    value: float | None = None,
    **facts: Any,
) -> Alert:
    values = asdict(row)
    return Alert(
        session=session,
        kind=Kind.SIGNAL,
        code=code,
        subject=row.symbol,
        priority=priority,
        title=title.format(**values),
        message=message.format(**values),
        facts={name: each for name, each in values.items() if name not in {"ticker_id", "symbol"}} | facts,
        value=None if value is None else float(value),
        ticker_id=row.ticker_id,
        symbol=row.symbol,
    )
