"""Rows of what a small market need not happen to have: an exit signal, advice and how it ended, alerts, a failed run.

Their numbers are plausible, and consistent with the stored bars and chains where a page puts both side by side.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.sessions import session_offset

EXIT, LONG, FORECAST, WON, LOST = "GE", "NVDA", "HD", "AMD", "IBM"
"""Names by what happens to them: an exit, an open call, a forecast, an idea that was right, one that was wrong."""

CHEAP, DEAR = "XLE", "XLK"
"""Funds that are stretched: a BUY and a SELL of the ETF panel."""

BC_SCORE = 25
"""Of the exit; from 24 on it is critical."""

FAILED_RUN = "The vendor's file of the session is missing although it was due."

Row = dict[str, Any]


def write(connection: sa.Connection, newest: date, earlier: date) -> None:
    """Write them all.

    Args:
        connection: in a transaction, on a warehouse with snapshots and chains of both sessions.
        newest: session of what is open.
        earlier: session in which was advised what has ended in the newest.
    """
    names = {symbol: _name(connection, symbol) for symbol in (EXIT, LONG, FORECAST, WON, LOST)}
    # The graph may have advised on some of them already.
    _delete_advice(connection, list(names.values()))
    _exit_signal(connection, names[EXIT], newest)
    _advise(connection, EXIT, names[EXIT], newest, action="EXIT", direction="NEUTRAL", signal_type="EXIT_CRITICAL")
    _advise(connection, FORECAST, names[FORECAST], newest, action="FORECAST", direction="SHORT", confidence=0.55)
    _advise(connection, LONG, names[LONG], newest, action="OPEN", strategy="LONG_CALL", confidence=0.71)
    for symbol, is_right in ((WON, True), (LOST, False)):
        _advise(connection, symbol, names[symbol], earlier, action="OPEN", strategy="LONG_CALL", confidence=0.62)
        _end(connection, names[symbol], earlier, newest, is_right=is_right)
    _score(connection, newest)
    for symbol, composite in ((CHEAP, -2.4), (DEAR, 2.2)):
        _stretch(connection, _name(connection, symbol), newest, composite)
    _alert(connection, names, newest)
    connection.execute(
        sa.insert(schema.job_runs).values(
            run_id="0" * 32, job="ohlcv", assets=["ohlcv"], first_session=newest, last_session=newest,
            status="FAILURE", started_at=_evening(newest), ended_at=_evening(newest), error=FAILED_RUN,
        )
    )  # fmt: skip
    connection.execute(sa.insert(schema.user_settings).values(user_id="local", equity=100_000.0))


def _name(connection: sa.Connection, symbol: str) -> int:
    table = schema.tickers
    return int(connection.execute(sa.select(table.c.ticker_id).where(table.c.symbol == symbol)).scalar_one())


def _evening(session: date) -> datetime:
    return datetime(session.year, session.month, session.day, 22, tzinfo=UTC)


def _delete_advice(connection: sa.Connection, names: list[int]) -> None:
    table = schema.recommendations
    connection.execute(sa.delete(table).where(table.c.ticker_id.in_(names)))


def _exit_signal(connection: sa.Connection, name: int, session: date) -> None:
    for table, also in ((schema.wyckoff_phases, {"signal_type": "EXIT_CRITICAL"}), (schema.daily_snapshots, {})):
        is_here = (table.c.date == session) & (table.c.ticker_id == name)
        done = connection.execute(sa.update(table).where(is_here).values(bc_score=BC_SCORE, **also))
        assert done.rowcount == 1, table.name


def _close(connection: sa.Connection, name: int, session: date) -> float:
    table = schema.ohlcv
    query = sa.select(table.c.close).where(table.c.ticker_id == name, table.c.date == session)
    return float(connection.execute(query).scalar_one())


def _advise(connection: sa.Connection, symbol: str, name: int, session: date, **said: Any) -> None:
    close = _close(connection, name, session)
    direction = said.get("direction", "LONG")
    up = {"LONG": 1, "SHORT": -1, "NEUTRAL": 0}[direction]
    row: Row = {
        "date": session, "ticker_id": name, "symbol": symbol, "direction": direction, "signal_type": "ENTRY_SIGNAL",
        "primary_event": "SOS", "confidence": 0.8, "justification": f"{symbol} closed at {close:.2f} USD.",
        "entry_price": close, "horizon_sessions": 20, "last_session": session_offset(session, 20),
        "neutral_band": 0.02, "break_evens": [], "asked_provider": "rules", "provider": "rules", "model": "rules 1.0",
        "inputs": {"symbol": symbol, "session": session.isoformat(), "close": close}, "data_quality": "complete",
        "validation": [{"provider": "rules", "model": "rules 1.0", "problems": []}], "null_reasons": {},
    }  # fmt: skip
    if up:
        row |= {"stop_loss": close * (1 - 0.05 * up), "profit_target": close * (1 + 0.1 * up), "reward_to_risk": 2.0}
    leg = _leg(connection, name, session) if said["action"] == "OPEN" else None
    if leg is not None:
        row |= {
            "net_price": leg["price"], "max_loss": 100 * leg["price"], "capital_required": 100 * leg["price"],
            "break_evens": [leg["strike"] + leg["price"]], "price_basis": leg["price_basis"],
            "probability_of_profit": 0.44, "pop_method": "lognormal",
        }  # fmt: skip
    connection.execute(sa.insert(schema.recommendations).values(row | said))
    if leg is not None:
        connection.execute(sa.insert(schema.recommendation_legs).values(leg))


def _leg(connection: sa.Connection, name: int, session: date) -> Row:
    """A call of the session's chain: priced, held, of a month or more, with the strike nearest to the close."""
    table = schema.options_chains
    copied = ("contract", "contract_type", "strike", "expiration_date", "multiplier", "implied_volatility", "delta")
    query = (
        sa.select(*(table.c[column] for column in copied), table.c.close, table.c.open_interest)
        .where(table.c.date == session, table.c.ticker_id == name, table.c.contract_type == "call")
        .where(table.c.is_standard, table.c.close > 0, table.c.open_interest > 0)
        .where(table.c.expiration_date >= session + timedelta(days=30))
        .order_by(sa.func.abs(table.c.strike - _close(connection, name, session)), table.c.expiration_date)
        .limit(1)
    )
    found = dict(connection.execute(query).mappings().one())
    price = found.pop("close")
    return found | {
        "date": session, "ticker_id": name, "leg": 1, "side": "BUY", "quantity": 1, "price": price,
        "price_basis": "day_close", "dte": (found["expiration_date"] - session).days,
    }  # fmt: skip


def _end(connection: sa.Connection, name: int, issued: date, ended: date, *, is_right: bool) -> None:
    entry = _close(connection, name, issued)
    move = 0.1 if is_right else -0.05
    connection.execute(
        sa.insert(schema.recommendation_outcomes).values(
            date=ended, ticker_id=name, issued=issued, exit_reason="TARGET" if is_right else "STOP",
            entry_session=session_offset(issued, 1), entry_price_actual=entry, exit_price_actual=entry * (1 + move),
            underlying_return=move, favourable=max(move, 0.01), adverse=max(-move, 0.01), sessions_held=3,
            direction_correct=is_right, predicted_confidence=0.62, directional_brier=(0.62 - is_right) ** 2,
            option_pnl=420.0 if is_right else -310.0, return_on_risk=1.4 if is_right else -1.0,
            option_pnl_basis="chain", outcome_status="WIN" if is_right else "LOSS", direction_score=float(is_right),
            success_score_v1=float(is_right), success_score=0.9 if is_right else 0.1, null_reasons={},
        )
    )  # fmt: skip


def _score(connection: sa.Connection, session: date) -> None:
    """The two outcomes as the week's accuracy: one of two right, at a confidence of 0.62."""
    brier = ((1 - 0.62) ** 2 + 0.62**2) / 2
    table = schema.forecast_accuracy
    connection.execute(sa.delete(table))
    connection.execute(
        sa.insert(table),
        [
            {
                "week": session - timedelta(days=session.weekday()), "span": span, "dimension": dimension,
                "value": value, "outcomes": 2, "scored": 2, "wins": 1, "neutral": 0, "mean_confidence": 0.62,
                "hit_rate": 0.5, "brier": brier, "base_rate": 0.5, "brier_base": 0.25, "skill": 1 - brier / 0.25,
                "option_pnl": 110.0, "return_on_risk": 0.2, "success_score": 0.5,
            }
            for span in ("week", "to_date")
            for dimension, value in (
                ("all", "all"), ("strategy", "LONG_CALL"), ("direction", "LONG"), ("event", "SOS"),
                ("provider", "rules"), ("confidence", "0.6-0.7"),
            )
        ],
    )  # fmt: skip


def _stretch(connection: sa.Connection, name: int, session: date, composite: float) -> None:
    """Move the composite of 60 sessions there, by the part that comes from MACD, which weighs 0.35."""
    table = schema.etf_features
    c = table.c
    by = composite - c.composite_z
    moved = {column: column + by for column in (c.composite_z, c.dz1, c.dz5, c.macd_contribution)}
    is_here = (c.date == session, c.ticker_id == name, c.horizon == "60D")
    done = connection.execute(sa.update(table).where(*is_here).values({**moved, c.macd_z: c.macd_z + by / 0.35}))
    assert done.rowcount == 1


def _alert(connection: sa.Connection, names: Mapping[str, int], session: date) -> None:
    rule = connection.execute(
        sa.insert(schema.alert_rules)
        .values(user_id="local", name="Stretched", condition="z>=2", horizon="60D")
        .returning(schema.alert_rules.c.rule_id)
    ).scalar_one()
    said: list[Row] = [
        {"kind": "signal", "code": "BC_CRITICAL", "priority": "CRITICAL", "symbol": EXIT, "value": float(BC_SCORE)},
        {"kind": "signal", "code": "SPRING_SOS", "priority": "HIGH", "symbol": LONG, "value": 10.0},
        {"kind": "rule", "code": "RULE", "priority": "MEDIUM", "symbol": FORECAST, "value": 2.1, "rule_id": rule,
         "user_id": "local"},
        {"kind": "system", "code": "RUN_FAILED", "priority": "LOW", "symbol": None, "value": None},
    ]  # fmt: skip
    table = schema.alerts
    connection.execute(sa.delete(table).where(table.c.ticker_id.in_(names.values())))
    for row in said:
        symbol = row["symbol"]
        title = f"{row['code']} {symbol or 'ohlcv'}"
        values = {
            **row, "alert_key": f"{session} {title} of the test", "date": session, "title": title,
            "ticker_id": None if symbol is None else names[symbol], "message": f"{title} asks to be looked at.",
            "facts": {"value": row["value"]}, "created_at": _evening(session),
        }  # fmt: skip
        alert = connection.execute(sa.insert(table).values(values).returning(table.c.alert_id)).scalar_one()
        for channel, status in (("mail", "SENT"), ("chat", "FAILED")):
            connection.execute(
                sa.insert(schema.notifications).values(
                    idempotency_key=f"{alert} {channel}", alert_id=alert, kind="alert", channel=channel, subject=title,
                    body_text=title, status=status, attempts=1,
                    sent_at=_evening(session) if status == "SENT" else None,
                    last_error=None if status == "SENT" else "the channel answered 503",
                )
            )  # fmt: skip
