"""The sentiment proxy from stored chains and bars: recomputed with scipy, evening by evening, and what is missing."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from scipy import stats

from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between

LAST = date(2026, 7, 8)
SESSIONS = sessions_between(session_offset(LAST, -359), LAST)
RANGE = SESSIONS[-8:]
SPLIT = SESSIONS[-5]
"""HALVED splits 2:1 here: twice the shares and twice the contracts from then on."""
HALTED = RANGE[1:4]
"""HALT leaps with heavy volume on the first session of the range, and does not trade on the three after it."""
BROKEN = SESSIONS[-3]
"""The chain of CUT came in part."""

CHAINS = [*(f"C{n}" for n in range(8)), "HALVED", "CUT", "FRESH"]
NAMES = [*CHAINS, "BARE", "NEW", "HALT"]
PARAMETERS = Parameters()


@pytest.fixture
def market(engine: sa.Engine) -> sa.Engine:
    """Bars of a year and a half, chains of most names: FRESH has them for 30 sessions, BARE, NEW and HALT never."""
    rng = np.random.default_rng(17)
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], SESSIONS)
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": name, "options_enabled": True} for name in NAMES])
        ids = dict(connection.execute(sa.text("SELECT symbol, ticker_id FROM tickers")).all())
        for table, rows in rows_of_market(rng, ids).items():
            connection.execute(sa.insert(schema.metadata.tables[table]), rows)
        connection.execute(
            sa.insert(schema.splits),
            {
                "ticker_id": ids["HALVED"],
                "execution_date": SPLIT,
                "split_from": 1,
                "split_to": 2,
                "applies_from": date(1, 1, 1),
                "price_factor": 0.5,
            },
        )
    return engine


def rows_of_market(rng: np.random.Generator, ids: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    bars, summaries, metrics = [], [], []
    for name in NAMES:
        close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, len(SESSIONS))))
        spread = close * rng.uniform(0.004, 0.02, len(SESSIONS))
        volume = np.round(1e6 * np.exp(rng.normal(0, 0.4, len(SESSIONS))))
        if name == "HALT":
            close[-len(RANGE) :] = close[-len(RANGE) - 1] * 1.2
            volume[-len(RANGE)], spread[-len(RANGE)] = 2e7, 3.0
        calls, puts = (rng.integers(200, 3000, len(SESSIONS)) for _ in range(2))
        for place, day in enumerate(SESSIONS):
            key = {"date": day, "ticker_id": ids[name]}
            units = 2 if name == "HALVED" and day >= SPLIT else 1
            is_gone = (name == "NEW" and place < len(SESSIONS) - 100) or (name == "HALT" and day in HALTED)
            if not is_gone:
                prices = {"open": close[place], "high": (close + spread)[place], "low": (close - spread)[place]}
                prices = {
                    column: round(price / units, 6) for column, price in {**prices, "close": close[place]}.items()
                }
                bars.append(key | prices | {"volume": volume[place] * units, "source": "flatfile"})
            if name not in CHAINS or (name == "FRESH" and place < len(SESSIONS) - 30):
                continue
            summary = {
                "symbol": name,
                "chain_status": "INCOMPLETE" if name == "CUT" and day == BROKEN else "COMPLETE",
                "total_call_volume": int(calls[place]) * units,
                "put_call_volume_ratio": float(puts[place] / calls[place]),
            }
            summaries.append(key | summary)
            of_smile = {"skew_25d": round(float(rng.normal(4, 2)), 1), "history_n": 0, "contracts_analyzed": 9}
            metrics.append(key | of_smile | {"smiles": [], "null_reasons": {}})
    return {"ohlcv": bars, "options_daily_summary": summaries, "volatility_metrics": metrics}


def proxies(engine: sa.Engine) -> dict[tuple[date, str], dict[str, Any]]:
    """What each row tells of its sentiment, with the points it gave."""
    query = "SELECT p.date, t.symbol, p.bc_parts FROM wyckoff_phases p JOIN tickers t USING (ticker_id)"
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    return {(day, symbol): parts["sentiment_proxy"] | {"points": parts["sentiment"]} for day, symbol, parts in rows}


@pytest.fixture
def read(market: sa.Engine) -> dict[tuple[date, str], dict[str, Any]]:
    write_readings(market, RANGE, PARAMETERS, everyone=False)
    return proxies(market)


def stored(engine: sa.Engine, symbol: str) -> pd.DataFrame:
    """Bars and chains of a name by session, in its newest shares."""
    query = """
        SELECT o.date, o.open, o.high, o.low, o.close, CAST(o.volume AS float8) AS volume, s.put_call_volume_ratio,
               CAST(s.total_call_volume AS float8) AS calls, v.skew_25d
        FROM ohlcv o JOIN tickers t USING (ticker_id)
        LEFT JOIN options_daily_summary s ON s.date = o.date AND s.ticker_id = o.ticker_id
        LEFT JOIN volatility_metrics v ON v.date = o.date AND v.ticker_id = o.ticker_id
        WHERE t.symbol = :symbol ORDER BY 1"""
    with engine.connect() as connection:
        frame = pd.read_sql(sa.text(query), connection, params={"symbol": symbol}).set_index("date")
    if symbol == "HALVED":
        before = frame.index < SPLIT
        frame.loc[before, ["open", "high", "low", "close"]] /= 2
        frame.loc[before, ["volume", "calls"]] *= 2
    return frame


def in_past(values: pd.Series) -> float:
    """Rank of the last value in the 252 before it."""
    return float(stats.percentileofscore(values.iloc[-253:-1].dropna(), values.iloc[-1], kind="mean") / 100)


def rung(percentile: float, most: int) -> int:
    return min(sum(percentile >= limit for limit in (0.7, 0.8, 0.9, 0.95)), most)


def extension(frame: pd.DataFrame) -> pd.Series:
    before = frame["close"].shift()
    true_range = np.maximum(frame["high"], before) - np.minimum(frame["low"], before)
    atr = (true_range / before).shift().rolling(20).mean() * before
    return (frame["close"] - frame["close"].rolling(50).mean()) / atr


@pytest.mark.parametrize("symbol", ["C0", "HALVED"])
def test_chains_are_ranked_in_their_own_year(
    market: sa.Engine, read: dict[tuple[date, str], dict[str, Any]], symbol: str
) -> None:
    frame = stored(market, symbol)
    for day in RANGE:
        known = frame.loc[:day]
        expected = {
            "put_call": 1 - in_past(known["put_call_volume_ratio"]),
            "call_volume": in_past(known["calls"] / known["calls"].rolling(20).mean().shift()),
            "call_skew": 1 - in_past(known["skew_25d"]),
        }
        told = read[day, symbol]
        assert (told["proxy"], told["reason"]) == ("options", None)
        for component, percentile in expected.items():
            got = told["components"][component]
            assert got == {"percentile": pytest.approx(percentile, abs=6e-5), "against": "history"}, component
        mean = sum(expected.values()) / 3
        assert told["percentile"] == pytest.approx(mean, abs=6e-5)
        assert told["points"] == rung(mean, 4)


def test_a_name_without_chains_is_read_from_its_prices_for_two_points_at_most(
    market: sa.Engine, read: dict[tuple[date, str], dict[str, Any]]
) -> None:
    frame = stored(market, "BARE")
    for day in RANGE:
        known = frame.loc[:day]
        far = in_past(extension(known))
        volume = in_past(known["volume"] / known["volume"].rolling(20).mean().shift())
        told = read[day, "BARE"]
        assert told["proxy"] == "price_only"
        assert told["components"]["put_call"] == {"percentile": None, "reason": "NOT_MEASURED"}
        assert told["components"]["extension"] == {"percentile": pytest.approx(far, abs=6e-5), "against": "history"}
        assert told["percentile"] == pytest.approx((far + volume) / 2, abs=6e-5)
        assert told["points"] == rung((far + volume) / 2, 2)


def test_a_chain_that_came_in_part_does_not_count(read: dict[tuple[date, str], dict[str, Any]]) -> None:
    assert {day: read[day, "CUT"]["proxy"] for day in RANGE} == {
        day: "price_only" if day == BROKEN else "options" for day in RANGE
    }
    after = read[session_offset(BROKEN, 1), "CUT"]["components"]
    # A mean of twenty sessions needs twenty whole chains; the other two do not.
    assert after["call_volume"] == {"percentile": None, "reason": "NOT_MEASURED"}
    assert after["put_call"]["against"] == after["call_skew"]["against"] == "history"


def test_a_short_past_is_ranked_among_the_names_of_the_session(
    market: sa.Engine, read: dict[tuple[date, str], dict[str, Any]]
) -> None:
    fresh = read[LAST, "FRESH"]
    frames = {name: stored(market, name) for name in CHAINS}
    others = [-frames[name]["skew_25d"].iloc[-1] for name in CHAINS if name != "FRESH"]
    expected = stats.percentileofscore(others, -frames["FRESH"]["skew_25d"].iloc[-1], kind="mean") / 100
    assert fresh["proxy"] == "options"
    assert fresh["components"]["call_skew"] == {"percentile": pytest.approx(expected, abs=6e-5), "against": "names"}
    # 100 bars: 81 known volumes before it, but 51 extensions.
    new = read[LAST, "NEW"]["components"]
    assert (new["volume"]["against"], new["extension"]["against"]) == ("history", "names")
    distance = {name: extension(stored(market, name)).iloc[-1] for name in NAMES}
    expected = stats.percentileofscore([v for k, v in distance.items() if k != "NEW"], distance["NEW"], kind="mean")
    assert new["extension"]["percentile"] == pytest.approx(expected / 100, abs=6e-5)


def test_each_evening_tells_what_a_range_tells_later(market: sa.Engine) -> None:
    write_readings(market, RANGE, PARAMETERS, everyone=False)
    tables = ("wyckoff_events", "wyckoff_phases")

    def rows(day: date) -> list[list[dict[str, Any]]]:
        with market.connect() as connection:
            found = [
                connection.execute(sa.text(f"SELECT * FROM {table} WHERE date = :day ORDER BY 1, 2, 3"), {"day": day})
                for table in tables
            ]
            return [[dict(row) for row in result.mappings()] for result in found]

    together = {day: rows(day) for day in RANGE}
    # From the last evening back, each time without what came after it.
    for day in reversed(RANGE):
        with market.begin() as connection:
            for table in ("ohlcv", "options_daily_summary", "volatility_metrics"):
                connection.execute(sa.text(f"DELETE FROM {table} WHERE date > :day"), {"day": day})
            connection.execute(sa.text("DELETE FROM splits WHERE execution_date > :day"), {"day": day})
        write_readings(market, [day], PARAMETERS, everyone=False)
        assert rows(day) == together[day], day
    assert len(together[LAST][1]) == len(NAMES)
    # HALT came back with the fifth of these sessions: the largest score of three bars is that of the first.
    scores = {day: {row["ticker_id"]: row for row in together[day][1]} for day in RANGE}
    (halt,) = scores[RANGE[0]].keys() - scores[RANGE[1]].keys()
    before, back = scores[RANGE[0]][halt], scores[RANGE[4]][halt]
    # The two points of its sentiment are seen in it.
    assert before["bc_parts"]["sentiment"] == 2
    assert before["bc_score"] != round(28 * (before["bc_raw"] - 2) / 24)
    assert back["bc_score"] < before["bc_score"] == back["bc_score_3d"]


def test_without_one_chain_every_name_is_read_from_prices(market: sa.Engine) -> None:
    write_readings(market, [LAST], PARAMETERS, everyone=False)
    with market.begin() as connection:
        events = connection.execute(sa.text("SELECT * FROM wyckoff_events ORDER BY 1, 2, 3")).all()
        for table in ("options_daily_summary", "volatility_metrics"):
            connection.execute(sa.text(f"TRUNCATE {table}"))
    write_readings(market, [LAST], PARAMETERS, everyone=True)
    assert {told["proxy"] for told in proxies(market).values()} == {"price_only"}
    with market.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM wyckoff_events ORDER BY 1, 2, 3")).all() == events
