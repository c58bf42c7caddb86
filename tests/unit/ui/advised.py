"""A small warehouse of recommendations, alerts and signals for the panel's tests, put there by hand.

Names: BUY is open with a call, and its review says CLOSE; CALM a forecast with a calibrated confidence; LEAVE was said
to be left in the newest session; WON ended right in it, LOST wrong before it, and NEVER was not entered.
"""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from kapman_assets.sql_models import Model
from kapman_resources import derived, schema
from kapman_resources.sessions import session_offset
from tests.integration.ideas import add, add_ideas, contract_row, idea_row, leg_row
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import names, put

BEFORE = session_offset(SESSION, -1)
ISSUED = session_offset(SESSION, -5)
EXPIRY = SESSION + timedelta(days=40)
HOSTILE = "Spring <script>alert(1)</script> *bold* [x](http://y) at $90 to $110, :red[no] & ~s~."

_SIGNALS = {
    "BUY": ("ENTRY_SIGNAL", "NEUTRAL", 4, "SPRING", "C", "C"),
    "CALM": ("NEUTRAL", "NEUTRAL", 5, None, "B", "B"),
    "LEAVE": ("EXIT_CRITICAL", "EXIT_WARNING", 25, "BC", "E", "D"),
    "WON": ("EXIT_WARNING", "EXIT_WARNING", 20, "SOW", "E", "E"),
    "LOST": ("NEUTRAL", "NEUTRAL", 3, None, "B", "B"),
    "NEVER": ("NEUTRAL", "NEUTRAL", 3, None, "B", "B"),
}
"""Signal now and before, BC score, event, phase now and before."""


def fill_signals(engine: sa.Engine, *, quiet: bool = False) -> dict[str, int]:
    """Snapshots and readings of the newest session and the one before; with `quiet` nothing asks for anything."""
    ids = names(engine, *_SIGNALS)
    readings, snapshots = [], []
    for symbol, (now, then, score, event, phase, was) in _SIGNALS.items():
        for day, signal, stands in ((SESSION, now, phase), (BEFORE, then, was)):
            key = {"ticker_id": ids[symbol], "date": day}
            readings.append(key | _reading("NEUTRAL" if quiet else signal))
            if day == BEFORE:
                told = {"data_quality": "complete", "missing": [], "model_version": "by hand", "symbol": symbol}
                snapshots.append(key | told | {"wyckoff_phase": stands, "events_detected": []})
        values = {"bc_score": score, "primary_event": event, "wyckoff_phase": phase, "events_detected": []}
        s = schema.daily_snapshots.c
        with engine.begin() as connection:
            connection.execute(
                sa.update(schema.daily_snapshots)
                .where(s.date == SESSION, s.ticker_id == ids[symbol])
                .values(values | ({"bc_score": 3, "wyckoff_phase": was} if quiet else {}))
            )
    put(engine, schema.daily_snapshots, snapshots)
    put(engine, schema.wyckoff_phases, readings)
    return ids


def _reading(signal: str) -> dict[str, Any]:
    """A row of `wyckoff_phases` of which nothing but the signal matters."""
    return {
        "signal_type": signal, "regime": "RANGE", "phase": "B", "touches_support": 0, "touches_resistance": 0,
        "bars_read": 250, "bc_parts": {}, "spring_parts": {}, "spring_is_final": True, "events_detected": [],
        "events_json": {}, "checklist_json": {}, "model_version": "by hand", "null_reasons": {},
    }  # fmt: skip


def fill_advice(engine: sa.Engine) -> dict[str, int]:
    """Signals, and recommendations in every state."""
    ids = fill_signals(engine)
    put(engine, schema.options_chains, [contract_row(ids["BUY"], ISSUED, "O:BUY", 100.0, EXPIRY)])
    add_ideas(
        engine,
        [
            _idea(
                ids, "BUY", action="OPEN", strategy="LONG_CALL", justification=HOSTILE, max_loss=400.0, net_price=4.0,
                reward_to_risk=2.0, probability_of_profit=0.41, pop_method="lognormal", capital_required=400.0,
                break_evens=[104.0], price_basis="quote_mid", null_reasons={"max_gain": "NO_BOUND"},
            ),
            _idea(ids, "CALM", confidence=0.8, provider="claude", asked_provider="claude", model="model-x",
                  prompt_version="1", prompt_hash="aa", request_hash="bb", input_tokens=900, output_tokens=80),
            _idea(ids, "LEAVE", SESSION, action="EXIT", direction="SHORT", stop_loss=None, profit_target=None,
                  signal_type="EXIT_CRITICAL", primary_event="BC", justification="The climax is over."),
            _idea(ids, "WON", confidence=0.7),
            _idea(ids, "LOST", confidence=0.7),
            _idea(ids, "NEVER", confidence=0.55),
        ],
        [leg_row(ids["BUY"], ISSUED, "O:BUY", 100.0, EXPIRY)],
    )  # fmt: skip
    add(
        engine,
        schema.recommendation_reviews,
        [
            _review(ids["BUY"], BEFORE, "HOLD"),
            _review(ids["BUY"], SESSION, "CLOSE", {"code": "STOP", "text": "The stop was reached."}),
            _review(ids["CALM"], SESSION, "HOLD"),
        ],
    )
    calibrated = {"date": ISSUED, "ticker_id": ids["CALM"], "confidence": 0.8, "calibrated": 0.6, "outcomes": 120}
    add(
        engine,
        schema.confidence_calibration,
        [calibrated | {"brier_raw": 0.25, "brier_calibrated": 0.22, "null_reasons": {}}],
    )
    add(
        engine,
        schema.recommendation_outcomes,
        [
            _outcome(ids["WON"], SESSION, "WIN", 0.7, option_pnl=120.0),
            _outcome(ids["LOST"], BEFORE, "LOSS", 0.7, option_pnl=-80.0),
            _outcome(ids["NEVER"], BEFORE, "VOID", 0.55),
        ],
    )
    add(
        engine,
        schema.recommendation_rejections,
        [
            {
                "date": ISSUED, "ticker_id": ids["CALM"], "attempt": 1, "symbol": "CALM", "provider": "claude",
                "model": "model-x", "request_hash": "bb", "answer": HOSTILE,
                "problems": [{"code": "UNKNOWN_CONTRACT", "sentence": "O:X is none of the facts' contracts."}],
            }
        ],
    )  # fmt: skip
    return ids


def score(engine: sa.Engine, model: Model) -> None:
    """Make `forecast_accuracy` of the stored outcomes."""
    with engine.begin() as connection:
        derived.replace_rows(connection, model.name, model.sql, [column.name for column in model.columns])


def _idea(ids: dict[str, int], symbol: str, issued: date = ISSUED, **given: Any) -> dict[str, Any]:
    empty = (
        "max_loss", "max_gain", "net_price", "reward_to_risk", "probability_of_profit", "pop_method", "price_basis",
        "capital_required", "prompt_version", "prompt_hash", "request_hash", "input_tokens", "output_tokens",
    )  # fmt: skip
    return dict.fromkeys(empty) | idea_row(ids[symbol], symbol, issued, **given)


def _review(ticker_id: int, day: date, verdict: str, *reasons: dict[str, str]) -> dict[str, Any]:
    return {
        "date": day, "ticker_id": ticker_id, "issued": ISSUED, "verdict": verdict, "reasons": list(reasons),
        "price": 95.0, "signed_return": -0.05, "stop_loss": 97.0, "option_pnl": -150.0, "sessions_held": 5, "dte": 40,
        "null_reasons": {},
    }  # fmt: skip


def _outcome(ticker_id: int, day: date, status: str, said: float, option_pnl: float | None = None) -> dict[str, Any]:
    right = {"WIN": True, "LOSS": False}.get(status)
    return {
        "date": day, "ticker_id": ticker_id, "issued": ISSUED, "predicted_confidence": said,
        "exit_reason": "VOID" if right is None else "TARGET" if right else "STOP", "direction_correct": right,
        "directional_brier": None if right is None else (said - right) ** 2, "outcome_status": status,
        "option_pnl": option_pnl, "underlying_return": None if right is None else 0.1 if right else -0.05,
        "null_reasons": {"option_pnl": "NOT_ENTERED"} if right is None else {},
    }  # fmt: skip
