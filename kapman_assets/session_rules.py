"""Rules that several domains hold their sessions against, and verdicts that name the sessions which break one.

Free of Dagster. What the values of a domain must be is in its own `quality` module.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from kapman_assets.verdict import Verdict
from kapman_resources.schema import ohlcv, tickers

_NAMES = 10
"""Names listed for an offending session."""

_FINITE = 1e300
"""Beyond it lie infinity and NaN, which PostgreSQL sorts last."""

_ROUNDING = 1e-6
"""How far a value may be beyond its bounds: a mean of hundreds is not always below a hundred."""

Bounds = tuple[float | None, float | None]
"""Lowest and highest value that a formula can give; None where it has no such end."""


def of_offenders(offenders: dict[str, str], what: str) -> Verdict:
    """The verdict on a rule that these sessions break; `what` is what they have, such as "bars without a row"."""
    if not offenders:
        return Verdict(True, f"No {what}.", {})
    listed = "; ".join(f"{day}: {text}" for day, text in list(offenders.items())[:3])
    return Verdict(False, f"{what.capitalize()} in {len(offenders)} sessions: {listed}", offenders)


def by_session(rows: Iterable[Any], what: str) -> Verdict:
    """The verdict on a rule that these pairs of session and name break."""
    found: dict[str, list[str]] = {}
    for day, name in rows:
        found.setdefault(day.isoformat(), []).append(name)
    offenders = {
        day: ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")
        for day, names in found.items()
    }
    return of_offenders(offenders, what)


def every_bar_has_a_row(
    connection: sa.Connection, table: sa.Table, sessions: Sequence[date], *, watched: bool
) -> Verdict:
    """Every name with a bar, or every watched one, has a row of the session in `table`."""
    bars, rows = ohlcv.c, table.c
    # Each table is bounded by itself, so that only the partitions of these sessions are read.
    has_row = sa.exists().where(rows.date.in_(sessions), rows.date == bars.date, rows.ticker_id == bars.ticker_id)
    query = (
        sa.select(bars.date, tickers.c.symbol)
        .join(tickers, tickers.c.ticker_id == bars.ticker_id)
        .where(bars.date.in_(sessions), ~has_row)
        .order_by(bars.date, tickers.c.symbol)
    )
    if watched:
        query = query.where(tickers.c.options_enabled)
    return by_session(connection.execute(query), f"bars without {table.name}")


def bounded(table: sa.Table, bounds: Mapping[str, Bounds]) -> dict[str, sa.ColumnElement[bool]]:
    """By column the rule that its numbers are finite, and within their bounds where they have any."""
    columns = [column.name for column in table.columns if isinstance(column.type, sa.Double) or column.name in bounds]
    rules: dict[str, sa.ColumnElement[bool]] = {}
    for name in columns:
        low, high = bounds.get(name, (None, None))
        rules[name] = table.c[name].between(
            -_FINITE if low is None else low - _ROUNDING, _FINITE if high is None else high + _ROUNDING
        )
    return rules


def every_row_keeps(
    connection: sa.Connection, table: sa.Table, rules: Mapping[str, sa.ColumnElement[bool]], sessions: Sequence[date]
) -> Verdict:
    """No row of the sessions breaks one of the rules, named by what they are about; NULL breaks none."""
    broken = {name: sa.not_(rule) for name, rule in rules.items()}
    which = sa.func.concat_ws(" ", tickers.c.symbol, *(sa.case((rule, name)) for name, rule in broken.items()))
    query = (
        sa.select(table.c.date, which)
        .join(tickers, tickers.c.ticker_id == table.c.ticker_id)
        .where(table.c.date.in_(sessions), sa.or_(*broken.values()))
        .order_by(table.c.date, tickers.c.symbol)
    )
    return by_session(connection.execute(query), f"impossible values in {table.name}")
