"""Small warehouses for the panel's queries and pages, put there by hand."""

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from kapman_assets.etf.columns import COLUMNS, COMPONENTS, HORIZONS
from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.json_ready import json_ready
from kapman_assets.options.volatility import volatility_metrics
from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between
from tests.unit.options.chains import SESSION, chain_of, worked_chain


def names(engine: sa.Engine, *symbols: str) -> dict[str, int]:
    """Put names there, and a snapshot of `SESSION` of each, without which a page shows nothing; their ids."""
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": one, "name": f"{one} Inc"} for one in symbols])
        ids: dict[str, int] = dict(
            connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all()
        )
        row = {"date": SESSION, "data_quality": "complete", "missing": [], "model_version": "by hand"}
        connection.execute(
            sa.insert(schema.daily_snapshots),
            [{"symbol": symbol, "ticker_id": place, **row} for symbol, place in ids.items()],
        )
    return ids


def put(engine: sa.Engine, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Put rows of `SESSION` there unless they say another; a partitioned table gets its room."""
    dated = [{"date": SESSION, **row} for row in rows]
    if table.name in schema.SESSION_TABLES:
        with engine.connect() as connection:
            partitioning.make_room(connection, [table.name], sorted({row["date"] for row in dated}))
    with engine.begin() as connection:
        connection.execute(sa.insert(table), dated)


def fill_dealers(engine: sa.Engine) -> None:
    """LONG with a whole chain and a session before, SHORT with metrics alone, FAILS without, NONE without options."""
    ids = names(engine, "LONG", "SHORT", "FAILS", "NONE")
    status = {"contracts": 10, "pages": 1, "contracts_non_standard": 0, "refused": {}, "rate": 0.04}
    put(
        engine,
        schema.options_chain_status,
        [
            {"ticker_id": ids["LONG"], "status": "COMPLETE", "spot": 100.0, "reason": None, **status},
            {"ticker_id": ids["SHORT"], "status": "COMPLETE", "spot": None, "reason": None, **status},
            {"ticker_id": ids["FAILS"], "status": "FAILED", "spot": None, "reason": "page 2 did not come", **status},
            {"ticker_id": ids["NONE"], "status": "NO_OPTIONS", "spot": None, "reason": None, **status},
        ],
    )
    before = SESSION - timedelta(days=1)
    put(
        engine,
        schema.options_chain_status,
        [{"ticker_id": ids["LONG"], "date": before, "status": "COMPLETE", "spot": 100.0, **status}],
    )
    chain = worked_chain()
    put(
        engine,
        schema.options_chains,
        [{"ticker_id": ids["LONG"], "contract": f"O:{place}", **one} for place, one in enumerate(chain)],
    )
    known = chain_of(chain, rate=0.04)
    metrics = json_ready(dealer_metrics(known, adv_20=1e9, hv_20=0.2)) | {"spot": 100.0}
    negative = {
        "dealer_position": "short_gamma", "dgpi": -60.0, "gamma_flip_level": None, "flip_status": "NO_CROSS_NEGATIVE",
        "null_reasons": {"gamma_flip_level": "NO_CROSSING"},
    }  # fmt: skip
    of_long = metrics | {"dealer_position": "long_gamma", "ticker_id": ids["LONG"]}
    put(
        engine,
        schema.dealer_metrics,
        [
            of_long | {"dgpi": 40.0},
            of_long | {"dgpi": 39.0, "date": before},
            metrics | negative | {"ticker_id": ids["SHORT"]},
        ],
    )
    volatility = json_ready(volatility_metrics(known, [])) | {"iv_30d": 0.25}
    put(
        engine,
        schema.volatility_metrics,
        [volatility | {"ticker_id": ids[symbol]} for symbol in ("LONG", "SHORT")],
    )


Z = {"SPY": 0.5, "XLBUY": -1.5, "XLHOLD": 0.25, "XLSELL": 2.0, "XLNEW": math.nan}
"""Composite of each name in the newest session."""
ETF_SESSIONS = sessions_between(session_offset(SESSION, -69), SESSION)


def close_of(symbol: str, day: date) -> float:
    """A plain ramp, one USD a session."""
    return 100.0 + ETF_SESSIONS.index(day) + 10 * list(Z).index(symbol)


def fill_etf(engine: sa.Engine) -> None:
    """Features of 70 sessions at every horizon whose parts sum to the composite, and a bar a session."""
    ids = names(engine, *Z)
    rng = np.random.default_rng(7)
    rows = []
    for day in ETF_SESSIONS:
        for symbol, last in Z.items():
            z = last if day == SESSION or math.isnan(last) else float(rng.normal())
            known = dict.fromkeys(COLUMNS, 1.0) | {"composite_z": z, "z_values": 60, "atr14": 2.0, "ma50": 165.0}
            known |= {part.contribution: z * part.percent / 100 for part in COMPONENTS}
            reasons = {}
            if math.isnan(z):
                known = dict.fromkeys(COLUMNS) | {"z_values": 0}
                reasons = {name: "SHORT_HISTORY" for name, value in known.items() if value is None}
            key = {"date": day, "ticker_id": ids[symbol], "pipeline_version": "by hand", "null_reasons": reasons}
            rows += [key | known | {"horizon": horizon} for horizon in HORIZONS]
    put(engine, schema.etf_features, rows)
    prices = ("open", "high", "low", "close")
    put(
        engine,
        schema.ohlcv,
        [
            {"ticker_id": place, "date": day, "volume": 9, "source": "flatfile"}
            | dict.fromkeys(prices, close_of(symbol, day))
            for symbol, place in ids.items()
            for day in ETF_SESSIONS
        ],
    )


SCREENED: dict[str, dict[str, float | None]] = {
    "LOW": {"rsi_14": 25.0, "close": 90.0, "sma_50": 95.0, "sma_200": 100.0, "dollar_volume_20": 5e7},
    "HIGH": {"rsi_14": 75.0, "close": 110.0, "sma_50": 105.0, "sma_200": 100.0, "dollar_volume_20": 2e7},
    "EVEN": {"rsi_14": 50.0, "close": 100.0, "sma_50": 100.0, "sma_200": 100.0, "dollar_volume_20": 1e6},
    "NEW": {"rsi_14": None, "close": 10.0, "sma_50": None, "sma_200": None, "dollar_volume_20": None},
}


def fill_screener(engine: sa.Engine) -> dict[str, int]:
    """Technical columns of four names, one of them new; the ids."""
    ids = names(engine, *SCREENED)
    put(
        engine,
        schema.universe_technicals,
        [{"ticker_id": ids[symbol], "bars": 300, **row} for symbol, row in SCREENED.items()]
        + [{"ticker_id": ids["LOW"], "bars": 299, **SCREENED["EVEN"], "date": SESSION - timedelta(days=1)}],
    )
    return ids
