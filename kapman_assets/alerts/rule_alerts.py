"""Alerts of the users' own rules. The language, and which rule fires, is decided in `kapman_assets.etf.rule_store`."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_assets.etf.rule_store import Evaluation, Firing, Refused, evaluate_rules
from kapman_resources.schema import alert_rules

CODE = "RULE"


def rule_alerts(connection: sa.Connection, session: date) -> tuple[list[Alert], list[Alert]]:
    """Ask the active rules of a session: alerts of those that fire, and a system alert of each that cannot be asked.

    Args:
        connection: in a transaction; what fired is remembered in `alert_firings`.
        session: the session.
    """
    evaluation = evaluate_rules(connection, session)
    rules = _rules(connection, evaluation)
    names = Counter(one.rule_id for one in evaluation.fired)
    return (
        [_fired(session, one, rules[one.rule_id], names[one.rule_id]) for one in evaluation.fired],
        [_refused(session, one, rules[one.rule_id]) for one in evaluation.refused],
    )


def _rules(connection: sa.Connection, evaluation: Evaluation) -> Mapping[int, Any]:
    asked: Iterable[Firing | Refused] = (*evaluation.fired, *evaluation.refused)
    query = sa.select(alert_rules).where(alert_rules.c.rule_id.in_({one.rule_id for one in asked}))
    return {row.rule_id: row for row in connection.execute(query)}


def _fired(session: date, one: Firing, rule: Any, names: int) -> Alert:
    others = f", one of {names:,} names for which it fires" if names > 1 else ""
    return Alert(
        session=session,
        kind=Kind.RULE,
        code=CODE,
        subject=f"{one.symbol}:{one.rule_id}",
        priority=Priority.MEDIUM,
        title=f"{one.symbol}: {one.name}",
        message=f"Your rule {one.name!r} ({rule.condition}, {rule.horizon}) fires for {one.symbol}{others}.",
        facts={"condition": rule.condition, "horizon": rule.horizon, "universe": rule.universe, "names": names},
        ticker_id=one.ticker_id,
        symbol=one.symbol,
        rule_id=one.rule_id,
        user_id=one.user_id,
        channels=_channels(rule),
    )


def _refused(session: date, one: Refused, rule: Any) -> Alert:
    # Said once for what is wrong: a rule that was mended and is wrong again is said again.
    problem = hashlib.sha256(f"{rule.condition}\n{one.problem}".encode()).hexdigest()[:8]
    return Alert(
        session=session,
        kind=Kind.SYSTEM,
        code="RULE_REFUSED",
        subject=f"rule {one.rule_id} {problem}",
        priority=Priority.MEDIUM,
        title=f"Rule {one.name!r} cannot be asked",
        message=f"{rule.condition}: {one.problem}. Correct the rule, or switch it off.",
        facts={"condition": rule.condition, "problem": one.problem},
        rule_id=one.rule_id,
        user_id=one.user_id,
        channels=_channels(rule),
        is_of_session=False,
    )


def _channels(rule: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in rule.channels)
