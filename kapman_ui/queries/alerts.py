"""Queries of the Alerts page: a user's rules and watchlist, what fired, how it was delivered; and what they write."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on, insert

from kapman_resources.errors import KapmanError
from kapman_resources.schema import alert_firings, alert_rules, alerts, notifications, tickers, watchlist
from kapman_ui.queries.marking import depends_on

PRIORITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO")
KINDS = ("signal", "rule", "system")
NAME_LENGTH = 80

CHANNEL_DAYS = 30
"""What is older says nothing of whether a channel works."""

_HISTORY = (
    "alert_id", "date", "priority", "kind", "code", "symbol", "title", "message", "value", "created_at",
    "acknowledged_at", "acknowledged_by",
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What a user writes of a rule; the attributes are columns of `alert_rules`."""

    name: str
    condition: str
    horizon: str = "60D"
    universe: str = "etf"
    cool_down: int = 3
    channels: tuple[str, ...] = ()
    is_active: bool = True


@depends_on(alert_rules, alert_firings)
def rules(connection: sa.Connection, user_id: str) -> pd.DataFrame:
    """A user's rules by name: `rule_id`, the columns of `Rule`, `last_fired` (session) and `firings` (names in it)."""
    c, f = alert_rules.c, alert_firings.c
    newest = (
        sa.select(f.rule_id, f.date.label("last_fired"), sa.func.count().label("firings"))
        .ext(distinct_on(f.rule_id))
        .group_by(f.rule_id, f.date)
        .order_by(f.rule_id, f.date.desc())
        .subquery()
    )
    fields = list(Rule.__dataclass_fields__)
    query = (
        sa.select(c.rule_id, *(c[name] for name in fields), newest.c.last_fired, newest.c.firings)
        .outerjoin(newest, newest.c.rule_id == c.rule_id)
        .where(c.user_id == user_id)
        .order_by(c.name)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=["rule_id", *fields, "last_fired", "firings"])


@depends_on(tickers)
def is_symbol(connection: sa.Connection, symbol: str) -> bool:
    """Whether there is a name with a symbol, as the vendor writes it."""
    return connection.scalar(sa.select(sa.exists().where(tickers.c.symbol == symbol))) or False


@depends_on(alerts)
def newest_session(connection: sa.Connection) -> date | None:
    """The newest session with alerts."""
    newest: date | None = connection.scalar(sa.select(sa.func.max(alerts.c.date)))
    return newest


@depends_on(alerts)
def history(
    connection: sa.Connection,
    user_id: str,
    *,
    priorities: Sequence[str] = (),
    kinds: Sequence[str] = (),
    text: str = "",
    first: date | None = None,
    only_open: bool = False,
    limit: int = 300,
) -> pd.DataFrame:
    """Alerts for everyone and for a user, the newest session first and in it the most urgent.

    Args:
        connection: to the warehouse.
        user_id: whose rules' alerts are shown besides those for everyone.
        priorities: of `PRIORITIES`; none lets all pass.
        kinds: of `KINDS`; likewise.
        text: part of the symbol, the code or the title; case does not matter.
        first: earliest session.
        only_open: leave out those that somebody took note of.
        limit: the most rows.
    """
    c = alerts.c
    filters: list[sa.ColumnElement[bool]] = [sa.or_(c.user_id.is_(None), c.user_id == user_id)]
    filters += [column.in_(list(chosen)) for column, chosen in ((c.priority, priorities), (c.kind, kinds)) if chosen]
    if text:
        filters.append(sa.or_(*(each.icontains(text, autoescape=True) for each in (c.symbol, c.code, c.title))))
    if first is not None:
        filters.append(c.date >= first)
    if only_open:
        filters.append(c.acknowledged_at.is_(None))
    urgency = sa.case({name: place for place, name in enumerate(PRIORITIES)}, value=c.priority)
    query = (
        sa.select(*(c[name] for name in _HISTORY))
        .where(*filters)
        .order_by(c.date.desc(), urgency, c.symbol, c.alert_id)
        .limit(limit)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=list(_HISTORY))


@depends_on(notifications, alerts)
def deliveries(connection: sa.Connection, alert_ids: Sequence[int]) -> pd.DataFrame:
    """The messages of some alerts by channel.

    Returns:
        `alert_id`, `channel`, `status`, `attempts`, `may_be_duplicate`, `last_error`, `next_attempt_at`, `sent_at`.
    """
    names = (
        "alert_id", "channel", "status", "attempts", "may_be_duplicate", "last_error", "next_attempt_at", "sent_at"
    )  # fmt: skip
    c = notifications.c
    query = (
        sa.select(*(c[name] for name in names)).where(c.alert_id.in_(list(alert_ids))).order_by(c.alert_id, c.channel)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=list(names))


@depends_on(notifications)
def channels(connection: sa.Connection) -> pd.DataFrame:
    """By channel, what became of the messages of the last `CHANNEL_DAYS` days.

    Returns:
        `channel`, how many are `waiting`, `sent` and `failed`, when the last was `sent_at`, and the newest `last_error`
        of those that are not sent.
    """
    c = notifications.c
    count = sa.func.count()
    wrong = sa.func.array_agg(aggregate_order_by(c.last_error, c.notification_id.desc()))
    query = (
        sa.select(
            c.channel,
            count.filter(c.status.in_(["PENDING", "SENDING"])).label("waiting"),
            count.filter(c.status == "SENT").label("sent"),
            count.filter(c.status == "FAILED").label("failed"),
            sa.func.max(c.sent_at).label("sent_at"),
            wrong.filter(c.last_error.is_not(None), c.status != "SENT")[1].label("last_error"),
        )
        .where(c.created_at >= sa.func.now() - timedelta(days=CHANNEL_DAYS))
        .group_by(c.channel)
        .order_by(c.channel)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(watchlist)
def watched(connection: sa.Connection, user_id: str) -> list[str]:
    """The symbols of a user's watchlist, sorted."""
    query = (
        sa.select(tickers.c.symbol)
        .join(watchlist, watchlist.c.ticker_id == tickers.c.ticker_id)
        .where(watchlist.c.user_id == user_id)
        .order_by(tickers.c.symbol)
    )
    return list(connection.scalars(query))


def acknowledge(connection: sa.Connection, alert_ids: Sequence[int], user_id: str) -> int:
    """Note that a user took note of alerts; who was first stays.

    Returns:
        How many nobody had taken note of.
    """
    statement = (
        sa.update(alerts)
        .where(alerts.c.alert_id.in_(list(alert_ids)), alerts.c.acknowledged_at.is_(None))
        .values(acknowledged_at=sa.func.now(), acknowledged_by=user_id)
    )
    return connection.execute(statement).rowcount


def save_rule(connection: sa.Connection, user_id: str, rule: Rule, rule_id: int | None = None) -> None:
    """Write a new rule, or change one of the user's own.

    Raises:
        KapmanError: the user has another rule of this name, the name is empty, or the rule is gone.
    """
    if not rule.name.strip():
        raise KapmanError("A rule needs a name: it is what the message says.")
    values = {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
    values |= {"name": rule.name.strip(), "channels": list(rule.channels)}
    try:
        with connection.begin_nested():
            if rule_id is None:
                connection.execute(sa.insert(alert_rules).values(user_id=user_id, **values))
                return
            c = alert_rules.c
            own = (c.rule_id == rule_id, c.user_id == user_id)
            changed = connection.execute(sa.update(alert_rules).where(*own).values(updated_at=sa.func.now(), **values))
    except sa.exc.IntegrityError as error:
        raise KapmanError(f"You have another rule named {rule.name.strip()!r}; names tell rules apart.") from error
    if not changed.rowcount:
        raise KapmanError("This rule is gone: it was deleted elsewhere.")


def delete_rule(connection: sa.Connection, user_id: str, rule_id: int) -> None:
    """Delete one of a user's rules; the alerts that it raised stay."""
    c = alert_rules.c
    connection.execute(sa.delete(alert_rules).where(c.rule_id == rule_id, c.user_id == user_id))


def set_watchlist(connection: sa.Connection, user_id: str, symbols: Collection[str]) -> list[str]:
    """Make a user's watchlist these names.

    Returns:
        The symbols that the warehouse does not know, which are left out.
    """
    rows = connection.execute(sa.select(tickers.c.symbol, tickers.c.ticker_id).where(tickers.c.symbol.in_(symbols)))
    ids: dict[str, int] = dict(rows.all())
    c = watchlist.c
    connection.execute(sa.delete(watchlist).where(c.user_id == user_id, c.ticker_id.not_in(list(ids.values()))))
    if ids:
        values = [{"user_id": user_id, "ticker_id": ticker_id} for ticker_id in ids.values()]
        connection.execute(insert(watchlist).values(values).on_conflict_do_nothing())
    return sorted(set(symbols) - ids.keys())
