"""A small market with stored recommendations whose ends are known or can be found again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa

from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between

Bar = tuple[float, float, float, float]


def add_names(engine: sa.Engine, symbols: Iterable[str], sessions: Sequence[date]) -> dict[str, int]:
    """Names by symbol, and room for the bars and chains of some sessions."""
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv", "options_chains"], sessions)
    query = sa.insert(schema.tickers).returning(schema.tickers.c.symbol, schema.tickers.c.ticker_id)
    with engine.begin() as connection:
        return dict(connection.execute(query, [{"symbol": symbol} for symbol in symbols]).all())


def add(engine: sa.Engine, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        with engine.begin() as connection:
            connection.execute(sa.insert(table), rows)


def bar_row(ticker_id: int, day: date, bar: Bar) -> dict[str, Any]:
    opened, high, low, close = bar
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return {"ticker_id": ticker_id, "date": day, **prices, "volume": 1e6, "source": "flatfile"}


def session_row(day: date) -> dict[str, Any]:
    counts = {"rows_read": 1, "rows_stored": 1, "rows_refused": 0}
    return {"date": day, "source": "flatfile", "uri": "file:///bars", **counts}


def idea_row(ticker_id: int, symbol: str, issued: date, **given: Any) -> dict[str, Any]:
    """A long forecast at 100 with stop 95, target 110 and a band of 2 %, but for what is given."""
    return {
        "date": issued,
        "ticker_id": ticker_id,
        "symbol": symbol,
        "action": "FORECAST",
        "direction": "LONG",
        "strategy": None,
        "signal_type": "ENTRY_SIGNAL",
        "primary_event": "SPRING",
        "confidence": 0.7,
        "justification": "A spring was confirmed.",
        "entry_price": 100.0,
        "stop_loss": 95.0,
        "profit_target": 110.0,
        "horizon_sessions": 20,
        "last_session": session_offset(issued, 20),
        "neutral_band": 0.02,
        "max_loss": None,
        "break_evens": [],
        "asked_provider": "rules",
        "provider": "rules",
        "model": "rules-1",
        "inputs": {},
        "validation": [],
        "data_quality": "complete",
        "null_reasons": {},
    } | given


def contract_row(ticker_id: int, day: date, contract: str, strike: float, expiry: date, **given: Any) -> dict[str, Any]:
    """A standard call in a session's chain, without a price but for what is given."""
    return {
        "date": day,
        "ticker_id": ticker_id,
        "contract": contract,
        "expiration_date": expiry,
        "strike": strike,
        "contract_type": "call",
        "multiplier": 100.0,
        "is_standard": True,
        "open_interest": 500,
        "volume": None,
        "bid": None,
        "ask": None,
        "last": None,
        "close": None,
    } | given


def chain_row(ticker_id: int, day: date, contracts: int = 1) -> dict[str, Any]:
    counts = {"pages": 1, "contracts": contracts, "contracts_non_standard": 0}
    return {"date": day, "ticker_id": ticker_id, "status": "COMPLETE", "rate": 0.04, "refused": {}, **counts}


def leg_row(ticker_id: int, day: date, contract: str, strike: float, expiry: date, **given: Any) -> dict[str, Any]:
    return {
        "date": day,
        "ticker_id": ticker_id,
        "leg": 1,
        "contract": contract,
        "side": "BUY",
        "quantity": 1,
        "contract_type": "call",
        "strike": strike,
        "expiration_date": expiry,
        "dte": (expiry - day).days,
        "multiplier": 100.0,
        "price": 4.0,
        "price_basis": "quote_mid",
        "open_interest": 500,
    } | given


def add_ideas(engine: sa.Engine, ideas: Sequence[Mapping[str, Any]], legs: Sequence[Mapping[str, Any]] = ()) -> None:
    """Recommendations with their legs, in one transaction as the database asks for."""
    with engine.begin() as connection:
        if ideas:
            connection.execute(sa.insert(schema.recommendations), ideas)
        if legs:
            connection.execute(sa.insert(schema.recommendation_legs), legs)


def rows_of(engine: sa.Engine, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    query = sa.select(table).where(*where).order_by(*table.primary_key.columns)
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


class Evenings:
    """Sixty evenings of six names that split, halt and vanish, with ideas of every kind."""

    NAMES = ("WALK", "CALM", "SPLITS", "HALTS", "VANISHES", "OTHER")
    sessions = sessions_between(date(2026, 3, 2), session_offset(date(2026, 3, 2), 59))
    split_days = (sessions[18], sessions[33])
    expiry = date(2026, 4, 17)

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.rng = np.random.default_rng(11)
        self.ids = add_names(engine, self.NAMES, self.sessions)
        self.close = dict.fromkeys(self.NAMES, 100.0)

    def __iter__(self) -> Iterator[date]:
        """Store one evening after the other."""
        for place, day in enumerate(self.sessions):
            self._splits(day)
            bars, contracts, chains, ideas, legs, phases = ([] for _ in range(6))
            for symbol, own in self.ids.items():
                if (symbol == "HALTS" and 20 <= place < 27) or (symbol == "VANISHES" and place >= 30):
                    continue
                if symbol == "SPLITS" and day in self.split_days:
                    self.close[symbol] /= 3.0
                bar = self._bar(symbol)
                bars.append(bar_row(own, day, bar))
                name = f"O:{symbol}260417C"
                is_stored = self.rng.random() < 0.8
                if is_stored or place < 40:
                    bid = float(np.round(self.rng.uniform(2, 6), 2))
                    quote = {"bid": bid, "ask": bid + 0.2} if self.rng.random() < 0.7 else {}
                    contracts.append(contract_row(own, day, name, 100.0, self.expiry, **quote))
                    if is_stored:
                        chains.append(chain_row(own, day))
                phases.append(self._phase(own, day))
                if self.rng.random() < 0.9:
                    idea, leg = self._idea(own, symbol, day, bar[3], name)
                    ideas.append(idea)
                    legs += leg
            add(self.engine, schema.ohlcv, bars)
            add(self.engine, schema.options_chains, contracts)
            add(self.engine, schema.options_chain_status, chains)
            add(self.engine, schema.wyckoff_phases, phases)
            add_ideas(self.engine, ideas, legs)
            yield day

    def _bar(self, symbol: str) -> tuple[float, float, float, float]:
        size = 0.003 if symbol == "CALM" else 0.02
        gap = self.rng.choice([0.0, 0.08, -0.08], p=[0.9, 0.05, 0.05]) if symbol == "OTHER" else 0.0
        opened = self.close[symbol] * np.exp(gap + self.rng.normal(0, size / 2))
        close = opened * np.exp(self.rng.normal(0, size))
        high = max(opened, close) * (1 + abs(self.rng.normal(0, size / 2)))
        low = min(opened, close) * (1 - abs(self.rng.normal(0, size / 2)))
        self.close[symbol] = close
        return tuple(float(np.round(price, 2)) for price in (opened, high, low, close))  # type: ignore[return-value]

    def _idea(
        self, own: int, symbol: str, day: date, close: float, contract: str
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        direction = str(self.rng.choice(["LONG", "SHORT", "NEUTRAL"], p=[0.5, 0.4, 0.1]))
        ahead = {"LONG": 1, "SHORT": -1, "NEUTRAL": 0}[direction]
        given: dict[str, Any] = {
            "direction": direction,
            "entry_price": close,
            "stop_loss": round(close * (1 - 0.04 * ahead), 2) if ahead else None,
            "profit_target": round(close * (1 + 0.06 * ahead), 2) if ahead else None,
            "confidence": float(np.round(self.rng.uniform(0.5, 0.9), 2)),
            "provider": str(self.rng.choice(["rules", "claude"], p=[0.9, 0.1])),
        }
        legs = []
        if ahead > 0 and self.rng.random() < 0.5 and (self.expiry - day).days > 0:
            last = min(session_offset(day, 20), self.expiry)
            given |= {"action": "OPEN", "strategy": "LONG_CALL", "max_loss": 400.0, "last_session": last}
            legs = [leg_row(own, day, contract, 100.0, self.expiry)]
        elif ahead < 0 and self.rng.random() < 0.3:
            given |= {"action": "EXIT", "stop_loss": None, "profit_target": None}
        return idea_row(own, symbol, day, **given), legs

    def _phase(self, own: int, day: date) -> dict[str, Any]:
        counts = dict.fromkeys(("touches_support", "touches_resistance", "bars_read"), 0)
        empty: dict[str, Any] = {
            name: {} for name in ("bc_parts", "spring_parts", "events_json", "checklist_json", "null_reasons")
        }
        return {
            "date": day, "ticker_id": own, "regime": "ACCUM", "phase": "C", "bc_score": int(self.rng.integers(0, 29)),
            "spring_is_final": True, "events_detected": ["SOW"] if self.rng.random() < 0.1 else [],
            "signal_type": str(self.rng.choice(["NEUTRAL", "ENTRY_SIGNAL"], p=[0.9, 0.1])), "model_version": "x",
            **counts, **empty,
        }  # fmt: skip

    def _splits(self, day: date) -> None:
        """A split of 1 to 3 becomes known on its day; the factor of the first then holds the second too."""
        if day not in self.split_days:
            return
        since = date.min if day == self.split_days[0] else self.split_days[0]
        with self.engine.begin() as connection:
            connection.execute(sa.update(schema.splits).values(price_factor=schema.splits.c.price_factor / 3))
            row = {"split_from": 1, "split_to": 3, "applies_from": since, "price_factor": 1 / 3}
            connection.execute(
                sa.insert(schema.splits), {"ticker_id": self.ids["SPLITS"], "execution_date": day, **row}
            )
