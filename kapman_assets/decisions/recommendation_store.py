"""Stored facts of candidates in, recommendations with their legs and refused answers out. Plain SQL, no Dagster.

What is read of a session was known at its close. A trigger of the database holds legs against the chain once more.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.decisions import prompt
from kapman_assets.decisions.advising import Advice, Attempt, described
from kapman_assets.decisions.candidates import LOOK_BACK_SESSIONS, Reading, events_behind, new_signals
from kapman_assets.decisions.contracts import MAX_DTE, MIN_DTE, Listed, shown, tradable
from kapman_assets.decisions.facts import (
    UNITS,
    Dealer,
    Event,
    Facts,
    Indicators,
    Signal,
    Structure,
    Volatility,
    neutral_band,
    outside_text,
    rounded,
)
from kapman_assets.decisions.rules_advisor import MODEL as RULES_MODEL
from kapman_assets.decisions.rules_advisor import RuleParameters
from kapman_resources.advisor.protocol import Answer, Provider, Question
from kapman_resources.errors import KapmanError
from kapman_resources.schema import (
    advisor_answers,
    model_parameters,
    recommendation_legs,
    recommendation_rejections,
    recommendations,
)
from kapman_resources.sessions import session_offset, sessions_between

Row = dict[str, Any]
_Part = TypeVar("_Part", Structure, Indicators, Dealer, Volatility)

_LOCK = 0x6B61_706D
"""First half of the advisory lock of a session's advice ("kapm"); the other is the session's number."""

_READINGS = sa.text("""
    SELECT w.date, w.ticker_id, w.signal_type, w.bc_score, w.events_detected
    FROM wyckoff_phases w
    JOIN daily_snapshots s
        ON s.date = w.date AND s.ticker_id = w.ticker_id AND s.date BETWEEN :first AND :last
        AND s.data_quality <> 'stale'
    WHERE w.date BETWEEN :first AND :last
      AND w.ticker_id IN (SELECT p.ticker_id FROM portfolio_tickers p WHERE p.priority = 'P1')""")

_CONFIRMED = sa.text("""
    SELECT e.date, e.ticker_id, array_agg(e.event)
    FROM wyckoff_events e
    WHERE e.date BETWEEN :first AND :last
    GROUP BY e.date, e.ticker_id""")

# Each table is bounded by itself: the planner does not carry the sessions of the list over.
_FACTS = sa.text("""
    SELECT
        k.date, k.ticker_id, t.symbol, t.name AS company, o.close, w.regime, w.phase, w.signal_type,
        w.support, w.resistance, s.wyckoff_phase, s.phase_sub_stage AS sub_stage, s.phase_score, s.phase_confidence,
        s.composite_score, s.bc_score, s.spring_score, s.events_json,
        s.rsi_14, s.macd_histogram, s.adx_14, s.atr_14, s.stoch_k, s.mfi_14, s.sma_20, s.sma_50, s.sma_200,
        s.price_vs_sma20, s.price_vs_sma50, s.price_vs_sma200, s.rvol, s.vsi,
        s.dgpi, s.dealer_position, s.gamma_flip_level, s.call_wall_primary AS call_wall,
        s.put_wall_primary AS put_wall, s.gex_net AS net_gex, s.gex_total AS gross_gex,
        s.iv_rank, s.iv_percentile, s.iv_skew_25d AS skew_25d, s.iv_term_structure AS term_structure, s.hv_20,
        s.iv_hv_diff, s.put_call_ratio_oi, s.volatility_regime,
        CAST(s.volatility_metrics_json ->> 'iv_30d' AS double precision) AS iv_30d,
        CAST(s.volatility_metrics_json ->> 'expected_move_30d' AS double precision) AS expected_move_30d,
        s.data_quality, s.missing, s.model_version, c.status AS chain_status
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS integer[])) AS k (date, ticker_id)
    JOIN tickers t ON t.ticker_id = k.ticker_id
    JOIN daily_snapshots s
        ON s.date = k.date AND s.ticker_id = k.ticker_id AND s.date BETWEEN :first AND :last
    JOIN wyckoff_phases w
        ON w.date = k.date AND w.ticker_id = k.ticker_id AND w.date BETWEEN :first AND :last
    JOIN ohlcv o ON o.date = k.date AND o.ticker_id = k.ticker_id AND o.date BETWEEN :first AND :last
    LEFT JOIN options_chain_status c
        ON c.date = k.date AND c.ticker_id = k.ticker_id AND c.date BETWEEN :first AND :last
    ORDER BY k.date, t.symbol""")

_CHAINS = sa.text("""
    SELECT
        k.date, k.ticker_id, c.contract, c.contract_type, c.strike, c.expiration_date, c.multiplier, c.is_standard,
        c.open_interest, c.volume, c.bid, c.ask, c.last, c.traded_at, c.close, c.implied_volatility, c.delta
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS integer[])) AS k (date, ticker_id)
    CROSS JOIN LATERAL (
        SELECT o.*
        FROM options_chains o
        WHERE o.date = k.date AND o.ticker_id = k.ticker_id AND o.date BETWEEN :first AND :last
          AND o.is_standard AND o.open_interest > 0
          AND o.expiration_date BETWEEN k.date + CAST(:least AS integer) AND k.date + CAST(:most AS integer)
    ) AS c""")


_WITHOUT_THEIR_CHAINS = sa.text("""
    SELECT DISTINCT k.date
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS integer[])) AS k (date, ticker_id)
    JOIN options_chain_status c
        ON c.date = k.date AND c.ticker_id = k.ticker_id AND c.date BETWEEN :first AND :last AND c.contracts > 0
    WHERE NOT EXISTS (
        SELECT FROM options_chains o
        WHERE o.date = k.date AND o.ticker_id = k.ticker_id AND o.date BETWEEN :first AND :last
    )
    ORDER BY k.date""")


@dataclass(frozen=True)
class Candidate:
    """A name to advise on: its facts, and what its row needs beside them."""

    ticker_id: int
    facts: Facts
    model_version: str | None


# Reading


def read_new_signals(connection: sa.Connection, sessions: Sequence[date]) -> list[Reading]:
    """The readings of some sessions (ascending, without a gap) that make a name a candidate, by session."""
    first, last = sessions[0], sessions[-1]
    bounds = {"first": session_offset(first, -LOOK_BACK_SESSIONS), "last": last}
    readings = [
        Reading(day, ticker_id, signal, score, tuple(active))
        for day, ticker_id, signal, score, active in connection.execute(_READINGS, bounds)
    ]
    confirmed = {(row[0], row[1]): row[2] for row in connection.execute(_CONFIRMED, {"first": first, "last": last})}
    return list(new_signals(readings, confirmed, first))


def read_candidates(connection: sa.Connection, sessions: Sequence[date]) -> dict[date, list[Candidate]]:
    """The candidates of some sessions (ascending, without a gap) with their facts, each by symbol.

    Raises:
        KapmanError: chains that were taken of one of the sessions have been dropped since. Without them its trades
            would be replaced by forecasts, and what was said be lost.
    """
    found: dict[date, list[Candidate]] = {session: [] for session in sessions}
    chosen = read_new_signals(connection, sessions)
    if chosen:
        keys = {
            "dates": [one.date for one in chosen],
            "ids": [one.ticker_id for one in chosen],
            "first": sessions[0],
            "last": sessions[-1],
        }
        _require_chains(connection, keys)
        chains = _chains(connection, keys)
        for row in map(dict, connection.execute(_FACTS, keys).mappings()):
            chain = chains.get((row["date"], row["ticker_id"]), [])
            found[row["date"]].append(Candidate(row["ticker_id"], facts_of(row, chain), row["model_version"]))
    return found


def _require_chains(connection: sa.Connection, keys: Mapping[str, Any]) -> None:
    dropped = [day.isoformat() for day in connection.scalars(_WITHOUT_THEIR_CHAINS, keys)]
    if dropped:
        raise KapmanError(
            f"The option chains of {', '.join(dropped)} are stored no longer (OPTIONS_HISTORY_DAYS): what was advised "
            "then stays as it is. Ask for later sessions, or materialise options_chains of these from the pages under "
            "RAW_URL first."
        )


def _chains(connection: sa.Connection, keys: Mapping[str, Any]) -> dict[tuple[date, int], list[Listed]]:
    found: dict[tuple[date, int], list[Listed]] = {}
    for day, ticker_id, *rest in connection.execute(_CHAINS, {**keys, "least": MIN_DTE, "most": MAX_DTE}):
        found.setdefault((day, ticker_id), []).append(Listed(*rest))
    return found


def facts_of(row: Mapping[str, Any], chain: Sequence[Listed]) -> Facts:
    """The facts of a candidate, with the contracts that an advisor is shown.

    Args:
        row: what is stored of it, by name.
        chain: its contracts of 30 to 90 days.
    """
    contracts = shown(tradable(chain, row["date"], row["close"]))
    signal = row["events_json"] or {}
    events = tuple(_events(signal, row["date"]))
    behind = [one for one in events if one.event in events_behind(row["signal_type"], row["bc_score"])]
    newest = min(behind, key=lambda one: (one.sessions_ago, -one.confidence), default=None)
    reason = None
    if not contracts:
        reason = "NO_TRADABLE_CONTRACT" if row["chain_status"] in {"COMPLETE", "INCOMPLETE"} else "NO_CHAIN"
    return Facts(
        symbol=row["symbol"],
        company=outside_text(row["company"]),
        session=row["date"],
        close=row["close"],
        signal=Signal(
            type=row["signal_type"],
            strength=signal.get("signal_strength"),
            message=signal.get("signal_message"),
            event=None if newest is None else newest.event,
        ),
        structure=_part(Structure, row),
        events=events,
        indicators=_part(Indicators, row),
        dealer=_part(Dealer, row),
        volatility=_part(Volatility, row),
        data_quality=row["data_quality"],
        missing=tuple(row["missing"]),
        neutral_band=neutral_band(row["hv_20"]),
        no_trade_reason=reason,
        contracts=contracts,
    )


def _part(kind: type[_Part], row: Mapping[str, Any]) -> _Part:
    values = {name: rounded(name, row[name]) if name in UNITS else row[name] for name in kind.model_fields}
    return kind(**values)


def _events(document: Mapping[str, Any], session: date) -> Iterator[Event]:
    for one in document.get("events", ()):
        if one["is_active"]:
            confirmed = date.fromisoformat(one["detected_at"])
            yield Event(
                event=one["type"],
                event_date=date.fromisoformat(one["event_date"]),
                confirmed_date=confirmed,
                sessions_ago=len(sessions_between(confirmed, session)) - 1,
                confidence=one["confidence"],
                price_level=one["price_level"],
                volume_ratio=one["volume_ratio"],
            )


# Answers


class StoredAnswers:
    """The answers of models in the warehouse; each is stored in a transaction of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        """Take the warehouse."""
        self._engine = engine

    def find(self, request_hash: str) -> Answer | None:
        """The answer that is stored of a question, if it was answered."""
        c = advisor_answers.c
        query = sa.select(*_answer_columns()).where(c.request_hash == request_hash, c.status == "answered")
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _answer(row)

    def keep(self, request_hash: str, facts: Facts, provider: Provider, question: Question, answer: Answer) -> Answer:
        """Store what came of a question. What asking it before cost is not forgotten."""
        correction = question.correction
        request: Row = {"data": question.data}
        if correction is not None:
            request["correction"] = {"answer": storable(correction.answer), "problems": list(correction.problems)}
        values = {
            "request_hash": request_hash,
            "date": facts.session,
            "symbol": facts.symbol,
            "provider": provider.name,
            "model": provider.model,
            "prompt_hash": prompt.PROMPT_HASH,
            "request": request,
            "status": answer.status,
            "answer": None if answer.text is None else storable(answer.text),
            "error": None if answer.error is None else storable(answer.error),
            **{name: getattr(answer, name) for name in (*_SUMS, "latency_seconds")},
        }
        statement = insert(advisor_answers).values(values)
        told, before = statement.excluded, advisor_answers.c
        statement = statement.on_conflict_do_update(
            index_elements=[before.request_hash],
            set_={
                **{name: told[name] for name in ("status", "answer", "error", "latency_seconds")},
                **{name: told[name] + sa.func.coalesce(before[name], 0) for name in _SUMS},
                "asked_at": sa.func.now(),
            },
        )
        with self._engine.begin() as connection:
            return _answer(connection.execute(statement.returning(*_answer_columns())).one())


_SUMS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_usd")


def _answer_columns() -> list[sa.Column[Any]]:
    c = advisor_answers.c
    return [c.status, c.answer, c.error, *(c[name] for name in _SUMS), c.latency_seconds]


def _answer(row: sa.Row[Any]) -> Answer:
    return Answer(*row)


def spent(connection: sa.Connection, session: date) -> float:
    """What the answers about a session have cost so far, USD."""
    c = advisor_answers.c
    total = connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(c.cost_usd), 0.0)).where(c.date == session))
    return float(total or 0.0)


@contextmanager
def advising(engine: sa.Engine, session: date) -> Iterator[None]:
    """Let one process at a time ask about a session: two would not see what the other is about to spend."""
    key = {"lock": _LOCK, "session": session.toordinal()}
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock, :session)"), key)
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:lock, :session)"), key)
            connection.commit()


# Writing


def keep_parameters(connection: sa.Connection, parameters: RuleParameters) -> None:
    """Write down the rules' parameters and the prompt under their versions."""
    values = [
        {"model": RULES_MODEL, "version": parameters.version, "parameters": json.loads(parameters.to_json())},
        {"model": prompt.MODEL, "version": prompt.PROMPT_VERSION, "parameters": dict(prompt.parameters())},
    ]
    connection.execute(insert(model_parameters).values(values).on_conflict_do_nothing())


def write_recommendations(
    engine: sa.Engine, session: date, advised: Sequence[tuple[Candidate, Advice]], asked_provider: str
) -> None:
    """Replace a session's recommendations, legs and rejections, in one transaction.

    Rows that are said again stay, with the outcomes that hang on them; those that are not are deleted.

    Args:
        engine: the warehouse.
        session: of all of them.
        advised: each candidate with its advice.
        asked_provider: AI_PROVIDER of the run.
    """
    r, legs, rejections = recommendations, recommendation_legs, recommendation_rejections
    rows = [recommendation_row(candidate, advice, asked_provider) for candidate, advice in advised]
    with engine.begin() as connection:
        connection.execute(sa.delete(legs).where(legs.c.date == session))
        connection.execute(sa.delete(rejections).where(rejections.c.date == session))
        ids = [candidate.ticker_id for candidate, _ in advised]
        connection.execute(sa.delete(r).where(r.c.date == session, r.c.ticker_id.not_in(ids)))
        if not rows:
            return
        statement = insert(r)
        keys = {"date", "ticker_id"}
        changed = {column.name: statement.excluded[column.name] for column in r.columns if column.name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=sorted(keys), set_=changed), rows)
        for table, of in ((legs, leg_rows), (rejections, rejection_rows)):
            values = [row for candidate, advice in advised for row in of(candidate, advice)]
            if values:
                connection.execute(sa.insert(table), values)


def recommendation_row(candidate: Candidate, advice: Advice, asked_provider: str) -> Row:
    """The row of `recommendations`, with a reason for each column that is NULL."""
    facts, idea, worth = advice.facts, advice.checked.idea, advice.checked.worth
    is_model = advice.provider != "rules"
    answers = [attempt.answer for attempt in advice.attempts if attempt.answer is not None]
    expiries = [one.contract.expiration_date for one in advice.checked.positions]
    row: Row = {
        "date": facts.session,
        "ticker_id": candidate.ticker_id,
        "symbol": facts.symbol,
        "action": idea.action,
        "direction": idea.direction,
        "strategy": idea.strategy,
        "signal_type": facts.signal.type,
        "primary_event": facts.signal.event,
        "confidence": idea.confidence,
        "justification": idea.justification,
        "entry_price": facts.close,
        "stop_loss": idea.stop_loss,
        "profit_target": idea.profit_target,
        "horizon_sessions": facts.horizon_sessions,
        "last_session": last_session(facts.session, facts.horizon_sessions, expiries),
        "neutral_band": facts.neutral_band,
        **{name: None if worth is None else getattr(worth, name) for name in _WORTH},
        "break_evens": [] if worth is None else list(worth.break_evens),
        "asked_provider": asked_provider,
        "provider": advice.provider,
        "fallback_reason": None if advice.fallback_reason is None else storable(advice.fallback_reason),
        "model": advice.model,
        "prompt_version": prompt.PROMPT_VERSION if is_model else None,
        "prompt_hash": prompt.PROMPT_HASH if is_model else None,
        "request_hash": advice.request_hash,
        "inputs": facts.model_dump(mode="json"),
        "validation": [described(attempt) for attempt in advice.attempts],
        "input_tokens": _sum(answers, "input_tokens", "cache_read_tokens", "cache_write_tokens"),
        "output_tokens": _sum(answers, "output_tokens"),
        "cost_usd": _sum(answers, "cost_usd"),
        "latency_seconds": _sum(answers, "latency_seconds"),
        "model_version": candidate.model_version,
        "data_quality": facts.data_quality,
    }
    return {**row, "null_reasons": {name: _why(name, advice) for name, value in row.items() if value is None}}


_WORTH = (
    "net_price",
    "max_loss",
    "max_gain",
    "reward_to_risk",
    "probability_of_profit",
    "capital_required",
    "pop_method",
    "price_basis",
)


def _why(column: str, advice: Advice) -> str:
    """Why a column of a recommendation is NULL."""
    if column in {"strategy", *_WORTH} and advice.checked.worth is None:
        return advice.no_trade_reason or "NO_TRADE_ADVISED"
    return {
        "max_gain": "NO_BOUND",
        "reward_to_risk": "NO_LEVELS",
        "probability_of_profit": "NO_VOLATILITY",
        "pop_method": "NO_VOLATILITY",
        "stop_loss": "NO_LEVELS",
        "profit_target": "NO_LEVELS",
        "primary_event": "A_SCORE_ALONE",
        "fallback_reason": "AS_ASKED",
        "model_version": "NOT_IN_THE_SNAPSHOT",
    }.get(column, "RULES_ANSWERED")


def last_session(session: date, horizon: int, expiries: Sequence[date]) -> date:
    """The session of the last judgement: that of the horizon, or the last one before the first expiry is over."""
    return min([session_offset(session, horizon), *(session_offset(expiry, 0) for expiry in expiries)])


def leg_rows(candidate: Candidate, advice: Advice) -> Iterator[Row]:
    """The rows of `recommendation_legs`."""
    for number, one in enumerate(advice.checked.positions, start=1):
        contract = one.contract.model_dump(exclude={"volume"})
        yield {
            "date": advice.facts.session,
            "ticker_id": candidate.ticker_id,
            "leg": number,
            "side": one.side,
            "quantity": one.quantity,
            **contract,
        }


def rejection_rows(candidate: Candidate, advice: Advice) -> Iterator[Row]:
    """The rows of `recommendation_rejections`: a model's answers that broke a rule."""
    rejected: list[Attempt] = [one for one in advice.attempts if one.answer is not None and one.problems]
    for number, one in enumerate(rejected, start=1):
        yield {
            "date": advice.facts.session,
            "ticker_id": candidate.ticker_id,
            "attempt": number,
            "symbol": advice.facts.symbol,
            "provider": one.provider,
            "model": one.model,
            "request_hash": one.request_hash,
            "answer": storable(one.text),
            "problems": [{"code": problem.code.value, "sentence": problem.sentence} for problem in one.problems],
        }


def _sum(answers: Sequence[Answer], *names: str) -> float | None:
    return sum(getattr(answer, name) for answer in answers for name in names) if answers else None


def storable(text: str) -> str:
    """Text from outside as PostgreSQL takes it: what cannot be stored stands as its escape."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
