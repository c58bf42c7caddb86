"""The evening's mail: what a session asks for, read from its stored rows and written as text and HTML.

Names and reasons come from outside: the HTML is escaped by its template, and in the text each stays on its line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import jinja2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.alerts.alert import Priority
from kapman_assets.alerts.outbox import Letter, is_news, market_note, put
from kapman_resources.schema import (
    alerts,
    daily_snapshots,
    daily_summaries,
    recommendation_outcomes,
    recommendation_reviews,
    recommendations,
)

LINES = 40
"""Rows of a section; the rest is counted."""


@dataclass(frozen=True)
class Section:
    """A part of the mail.

    Attributes:
        title: its heading.
        lines: one each row.
        more: rows that were left out.
    """

    title: str
    lines: Sequence[str]
    more: int = 0


@dataclass(frozen=True)
class Summary:
    """A mail."""

    subject: str
    text: str
    html: str


_TEXT = """\
{{ heading }}
{% for section in sections %}

{{ section.title }}
{% for line in section.lines %}
- {{ line | one_line }}
{% endfor %}
{% if section.more %}
- and {{ section.more }} more
{% endif %}
{% endfor %}
"""

_HTML = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ heading }}</title></head>
<body style="font-family: sans-serif">
<p><strong>{{ heading }}</strong></p>
{% for section in sections %}
<h3>{{ section.title }}</h3>
<ul>
{% for line in section.lines %}
<li>{{ line | one_line }}</li>
{% endfor %}
{% if section.more %}
<li>and {{ section.more }} more</li>
{% endif %}
</ul>
{% endfor %}
</body></html>
"""


def summarise(connection: sa.Connection, session: date) -> Summary:
    """The mail of a session, from what is stored of it now."""
    found = _alerts(connection, session)
    advice = _recommendations(connection, session)
    sections = [
        *(_section(str(priority).capitalize(), found[priority]) for priority in Priority if found[priority]),
        *(
            _section(title, lines)
            for title, lines in (
                ("New recommendations", advice),
                ("Open recommendations to act on", _reviews(connection, session)),
                ("Recommendations that ended", _outcomes(connection, session)),
            )
            if lines
        ),
        _section("Data", _data(connection, session)),
    ]
    counts = ", ".join(f"{len(found[each])} {each.lower()}" for each in Priority if found[each])
    what = f"{counts or 'no alerts'}; {len(advice)} new recommendation{'' if len(advice) == 1 else 's'}"
    return render(f"Kapman {session}: {what}", f"{session}: {what}{market_note(connection)}.", sections)


def render(subject: str, heading: str, sections: Sequence[Section]) -> Summary:
    """Write a mail."""
    text, html = _templates()
    values = {"heading": heading, "sections": sections}
    return Summary(subject, text.render(values).strip() + "\n", html.render(values))


def write_summary(
    connection: sa.Connection, session: date, summary: Summary, channels: Sequence[str], now: datetime
) -> int:
    """Store a session's mail and put it in the outbox, once a channel; the messages that were put there.

    Args:
        connection: in a transaction, which the caller commits.
        session: the session.
        summary: its mail.
        channels: names of the configured channels.
        now: an aware datetime: the mail of a session that is no news to it is stored only.
    """
    row = {"date": session, "subject": summary.subject, "body_text": summary.text, "body_html": summary.html}
    statement = insert(daily_summaries).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[daily_summaries.c.date],
            set_={name: statement.excluded[name] for name in row if name != "date"},
        )
    )
    letter = Letter(f"{session}:summary", "summary", summary.subject, summary.text, summary.html)
    return put(connection, letter, channels) if is_news(session, now) else 0


@lru_cache(maxsize=1)
def _templates() -> tuple[jinja2.Template, jinja2.Template]:
    def one_line(text: str) -> str:
        return " ".join(text.split())

    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"mail.txt": _TEXT, "mail.html": _HTML}),
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["one_line"] = one_line
    return environment.get_template("mail.txt"), environment.get_template("mail.html")


def _section(title: str, lines: Sequence[str]) -> Section:
    return Section(title, lines[:LINES], max(len(lines) - LINES, 0))


def _alerts(connection: sa.Connection, session: date) -> dict[Priority, list[str]]:
    c = alerts.c
    query = sa.select(c.priority, c.title).where(c.date == session).order_by(c.symbol, c.alert_key)
    found: dict[Priority, list[str]] = {priority: [] for priority in Priority}
    for priority, title in connection.execute(query):
        found[Priority(priority)].append(title)
    return found


def _recommendations(connection: sa.Connection, session: date) -> list[str]:
    c = recommendations.c
    query = sa.select(recommendations).where(c.date == session).order_by(c.action != "OPEN", c.symbol)
    return [
        f"{row.symbol}: {row.action} {row.direction}{f' {row.strategy}' if row.strategy else ''}, "
        f"confidence {row.confidence:.0%}{_levels(row)}. {row.justification}"
        for row in connection.execute(query)
    ]


def _levels(row: Any) -> str:
    named = (("entry", row.entry_price), ("stop", row.stop_loss), ("target", row.profit_target))
    known = [f"{name} {value:.2f}" for name, value in named if value is not None]
    return f", {', '.join(known)}" if known else ""


def _reviews(connection: sa.Connection, session: date) -> list[str]:
    r, c = recommendation_reviews.c, recommendations.c
    query = (
        sa.select(c.symbol, r.issued, r.verdict, r.stop_loss, r.signed_return)
        .join_from(recommendation_reviews, recommendations, (c.date == r.issued) & (c.ticker_id == r.ticker_id))
        .where(r.date == session, r.verdict != "HOLD")
        .order_by(r.verdict, c.symbol, r.issued)
    )
    return [
        f"{row.symbol} of {row.issued}: {row.verdict}"
        + ("" if row.stop_loss is None else f", stop {row.stop_loss:.2f}")
        + ("" if row.signed_return is None else f", {row.signed_return:+.1%} so far")
        for row in connection.execute(query)
    ]


def _outcomes(connection: sa.Connection, session: date) -> list[str]:
    o, c = recommendation_outcomes.c, recommendations.c
    query = (
        sa.select(c.symbol, o.issued, o.outcome_status, o.exit_reason, o.underlying_return, o.option_pnl)
        .join_from(recommendation_outcomes, recommendations, (c.date == o.issued) & (c.ticker_id == o.ticker_id))
        .where(o.date == session)
        .order_by(c.symbol, o.issued)
    )
    return [
        f"{row.symbol} of {row.issued}: {row.outcome_status} at {row.exit_reason}"
        + ("" if row.underlying_return is None else f", underlying {row.underlying_return:+.1%}")
        + ("" if row.option_pnl is None else f", {row.option_pnl:+,.2f} USD a unit")
        for row in connection.execute(query)
    ]


def _data(connection: sa.Connection, session: date) -> list[str]:
    c = daily_snapshots.c
    query = sa.select(c.data_quality, sa.func.count()).where(c.date == session).group_by(c.data_quality)
    counts: dict[str, int] = dict(connection.execute(query.order_by(c.data_quality)).all())
    if not counts:
        return ["no snapshot is stored"]
    return [f"{sum(counts.values())} snapshots: " + ", ".join(f"{count} {name}" for name, count in counts.items())]
