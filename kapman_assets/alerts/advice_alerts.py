"""Alerts of new recommendations and of those that ended. What is advised is decided in `decisions`."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_resources.schema import recommendation_outcomes, recommendations


def advice_alerts(connection: sa.Connection, session: date) -> list[Alert]:
    """Recommendations of a session to open or to leave, and outcomes that came in it."""
    r, o = recommendations.c, recommendation_outcomes.c
    said = sa.select(recommendations).where(r.date == session, r.action.in_(["OPEN", "EXIT"])).order_by(r.symbol)
    ended = (
        sa.select(recommendation_outcomes, r.symbol, r.direction, r.strategy, r.action)
        .join_from(recommendation_outcomes, recommendations, (r.date == o.issued) & (r.ticker_id == o.ticker_id))
        .where(o.date == session)
        .order_by(r.symbol, o.issued)
    )
    return [
        *(_recommended(session, row) for row in connection.execute(said)),
        *_ended(session, connection.execute(ended)),
    ]


def _recommended(session: date, row: Any) -> Alert:
    is_exit = row.action == "EXIT"
    urgent = is_exit and row.signal_type == "EXIT_CRITICAL"
    what = "close every position" if is_exit else f"{row.strategy} ({row.direction.lower()})"
    levels = [
        f"{name} {value:.2f}"
        for name, value in (("entry", row.entry_price), ("stop", row.stop_loss), ("target", row.profit_target))
        if value is not None
    ]
    return Alert(
        session=session,
        kind=Kind.SIGNAL,
        code=f"RECOMMEND_{row.action}",
        subject=row.symbol,
        priority=Priority.CRITICAL if urgent else Priority.HIGH,
        title=f"{row.symbol}: {what}, confidence {row.confidence:.0%}",
        message=f"{row.justification}\n{', '.join(levels)} USD a share; advised by {row.provider}.",
        facts={
            "action": row.action,
            "direction": row.direction,
            "strategy": row.strategy,
            "signal_type": row.signal_type,
            "provider": row.provider,
            "entry_price": row.entry_price,
            "stop_loss": row.stop_loss,
            "profit_target": row.profit_target,
        },
        value=row.confidence,
        ticker_id=row.ticker_id,
        symbol=row.symbol,
    )


def _ended(session: date, rows: sa.CursorResult[Any]) -> Iterator[Alert]:
    for row in rows:
        moved = "" if row.underlying_return is None else f", the underlying moved {row.underlying_return:+.1%}"
        money = "" if row.option_pnl is None else f", {row.option_pnl:+,.2f} USD a unit"
        yield Alert(
            session=session,
            kind=Kind.SIGNAL,
            code="OUTCOME",
            subject=f"{row.symbol}:{row.issued}",
            priority=Priority.INFO,
            title=f"{row.symbol}: {row.outcome_status} at {row.exit_reason}, recommended on {row.issued}",
            message=f"{row.strategy or row.action} ({row.direction.lower()}) of {row.issued} ended{moved}{money}.",
            facts={
                "issued": row.issued.isoformat(),
                "exit_reason": row.exit_reason,
                "outcome_status": row.outcome_status,
                "underlying_return": row.underlying_return,
                "option_pnl": row.option_pnl,
            },
            value=row.underlying_return,
            ticker_id=row.ticker_id,
            symbol=row.symbol,
        )
