"""What can be wrong with a session's Wyckoff readings as a whole, found by SQL and judged by plain rules.

Whether an event is one is the engine's business. The Dagster checks around these verdicts are in `checks`.
"""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from kapman_assets.session_rules import bounded, by_session, every_bar_has_a_row, every_row_keeps
from kapman_assets.verdict import Verdict
from kapman_assets.wyckoff.store import MODEL
from kapman_assets.wyckoff.vocabulary import Event
from kapman_resources.schema import wyckoff_events, wyckoff_phases

_BC_MOST, _SPRING_MOST = 28, 12
"""Points that the two ladders end at (reference §6.4, §6.5)."""


def events_are_causal(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """An event stands in the session that confirmed it, its bar is not later, and its numbers are possible."""
    c = wyckoff_events.c
    rules = {
        **bounded(wyckoff_events, {"confidence": (0, 1), "price_level": (0, None), "volume_ratio": (0, None)}),
        "event": c.event.in_([event.name for event in Event]),
        "confirmed_date": c.confirmed_date == c.date,
        "event_date": c.event_date <= c.date,
        "replaces_date": c.replaces_date <= c.date,
    }
    return every_row_keeps(connection, wyckoff_events, rules, sessions)


def every_watched_bar(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every watched name with a bar has its phase."""
    return every_bar_has_a_row(connection, wyckoff_phases, sessions, watched=True)


def phase_values(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Scores are on their ladders, shares within 0 and 1, the support is below the resistance, and no date is later."""
    c = wyckoff_phases.c
    shares = ("phase_score", "phase_confidence", "composite_score", "primary_event_confidence")
    rules = {
        **bounded(
            wyckoff_phases,
            {
                **dict.fromkeys(shares, (0, 1)),
                **dict.fromkeys(("bc_score", "bc_score_3d"), (0, _BC_MOST)),
                "spring_score": (0, _SPRING_MOST),
                "support": (0, None),
                "bars_read": (1, None),
            },
        ),
        "borders": c.support < c.resistance,
        "bc_raw": c.bc_raw.between(0, c.bc_max),
        "spring_raw": c.spring_raw.between(0, c.spring_max),
        "range_start": c.range_start <= c.date,
        "primary_event_date": c.primary_event_date <= c.date,
    }
    return every_row_keeps(connection, wyckoff_phases, rules, sessions)


def one_model(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """All of a session was read with one version of the model, whose parameters are kept."""
    rows = connection.execute(
        sa.text("""
            SELECT r.date, string_agg(DISTINCT r.model_version, ', ')
            FROM (
                SELECT date, model_version FROM wyckoff_phases WHERE date = ANY(:sessions)
                UNION SELECT date, model_version FROM wyckoff_events WHERE date = ANY(:sessions)
            ) r
            LEFT JOIN model_parameters p ON p.model = :model AND p.version = r.model_version
            GROUP BY r.date HAVING count(*) > 1 OR bool_or(p.version IS NULL) ORDER BY r.date"""),
        {"sessions": list(sessions), "model": MODEL},
    )
    return by_session(rows, "model versions that are unknown or more than one")
