"""Advice on thirty candidates: by the rules, and by a model behind the Messages API that takes its time."""

import asyncio
import time
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.decisions.recommending import recommend
from kapman_resources import database
from kapman_resources.advisor.claude import Claude
from tests.decision_market import SESSION, store_names, store_session
from tests.messages_server import Reply, late, serving_messages, structured

WAREHOUSE = "decisions"
CANDIDATES, ROUNDS = 30, 5
LATENCY = 2.0
MAX_SECONDS, MAX_RULES_SECONDS = 10.0, 2.0


def measure(laboratory: Laboratory) -> list[Row]:
    """From stored facts to stored recommendations, reading and writing included."""
    database.ensure_database(laboratory.url(WAREHOUSE))
    database.upgrade(laboratory.url(WAREHOUSE))
    size = f"{CANDIDATES} candidates"
    with laboratory.engine(WAREHOUSE) as engine:
        store_session(engine, SESSION, store_names(engine, [f"N{k:02}" for k in range(CANDIDATES)]))
        _seconds(engine, None)
        rules = [_seconds(engine, None) for _ in range(ROUNDS)]
        with serving_messages(lambda request: late(_forecast(request), LATENCY)) as server:
            # Another model each time: what was answered once is not asked again.
            asked = [_seconds(engine, _claude(server.url, number)) for number in range(ROUNDS)]
            stored = [_seconds(engine, _claude(server.url, 0)) for _ in range(ROUNDS)]
            assert len(server.requests) == CANDIDATES * ROUNDS
        with engine.connect() as connection:
            by_model = connection.scalar(sa.text("SELECT count(*) FROM recommendations WHERE provider = 'claude'"))
            assert by_model == CANDIDATES
    return [
        timed("recommendations by the rules", size, rules, rows=CANDIDATES, max_seconds=MAX_RULES_SECONDS),
        timed(
            "recommendations by a model",
            size,
            asked,
            rows=CANDIDATES,
            max_seconds=MAX_SECONDS,
            note=f"the provider's SDK, {LATENCY:g} s a call, ten at once, each answer stored",
        ),
        timed("the same again", size, stored, rows=CANDIDATES, note="answered from what is stored"),
    ]


def _claude(url: str, number: int) -> Claude:
    return Claude(SecretStr("benchmark"), base_url=url, model=f"benchmark-{number}")


def _seconds(engine: sa.Engine, provider: Claude | None) -> float:
    async def run() -> None:
        async for _ in recommend(engine, [SESSION], provider, asked_provider="claude", limit=1e9):
            pass
        if provider is not None:
            await provider.close()

    begun = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - begun


def _forecast(_: dict[str, Any]) -> Reply:
    return structured(
        {
            "action": "FORECAST",
            "direction": "LONG",
            "strategy": None,
            "legs": [],
            "stop_loss": 95.5,
            "profit_target": 107.0,
            "confidence": 0.57,
            "justification": "The SPRING at 96 held support at 95 with a spring score of 8.",
        }
    )
