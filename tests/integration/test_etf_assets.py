"""ETF features of stored bars: alone or in a range, early or late, split or not, the same rows; what rules fire."""

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.etf.columns import COLUMNS, HORIZONS
from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.look_back import first_day_seen
from kapman_assets.etf.quality import RECENT_SESSIONS, benchmark_is_recent
from kapman_assets.etf.store import unknown_symbols, write_features
from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between
from tests.integration.conftest import Materialize

LAST = date(2026, 7, 8)
SESSIONS = sessions_between(session_offset(LAST, -779), LAST)
RANGE = sessions_between(date(2026, 6, 25), LAST)
"""Over the half-year at which the past of an indicator begins anew, and over a split."""
SPLIT = date(2026, 6, 29)
UNIVERSE = ["XLK", "XLSPLIT", "XLGAP", "XLNEW", "SPY"]
GAP = SESSIONS[-30]
NEW_SINCE = len(SESSIONS) - 120
OTHER = "AAPL"
"""A watched name that is not in the universe."""


def split_ratio(symbol: str, day: date) -> float:
    """What a bar as traded is over the one in today's shares; a third is no float."""
    return 3.0 if symbol == "XLSPLIT" and day < SPLIT else 1.0


@pytest.fixture(scope="module")
def closes() -> dict[str, dict[str, np.ndarray]]:
    """By symbol high, low, close and volume in today's shares, NaN without a bar."""
    rng = np.random.default_rng(5)
    market = rng.normal(0, 0.008, len(SESSIONS))
    made = {}
    for symbol in [*UNIVERSE, OTHER]:
        close = 80 * np.exp(np.cumsum(market + rng.normal(0, 0.01, len(SESSIONS))))
        wick = 1 + rng.uniform(0.001, 0.01, len(SESSIONS))
        bars = {"high": close * wick, "low": close / wick, "close": close}
        bars["volume"] = np.round(1e6 * np.exp(rng.normal(0, 0.4, len(SESSIONS)))) * 3
        absent = np.array([symbol == "XLGAP" and day == GAP for day in SESSIONS])
        absent |= (symbol == "XLNEW") & (np.arange(len(SESSIONS)) < NEW_SINCE)
        made[symbol] = {name: np.where(absent, np.nan, values) for name, values in bars.items()}
    return made


@pytest.fixture
def bars(engine: sa.Engine, closes: dict[str, dict[str, np.ndarray]]) -> sa.Engine:
    """The universe as traded: one name that splits 3:1, one without a bar on a day, one that is new."""
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv", "universe_technicals"], SESSIONS)
    rows = []
    for symbol, own in closes.items():
        for place, day in enumerate(SESSIONS):
            if not np.isnan(own["close"][place]):
                ratio = split_ratio(symbol, day)
                prices = {name: float(own[name][place]) * ratio for name in ("high", "low", "close")}
                volume = float(own["volume"][place]) / ratio
                rows.append({"symbol": symbol, "day": day, "open": prices["close"], **prices, "volume": volume})
    with engine.begin() as connection:
        connection.execute(
            sa.insert(schema.tickers), [{"symbol": symbol, "options_enabled": symbol == OTHER} for symbol in closes]
        )
        connection.execute(
            sa.text(
                "INSERT INTO ohlcv (ticker_id, date, open, high, low, close, volume, source) "
                "SELECT t.ticker_id, v.* FROM json_to_recordset(:rows) AS r(symbol text, day date, open float8, "
                "high float8, low float8, close float8, volume float8) JOIN tickers t USING (symbol) "
                "CROSS JOIN LATERAL (SELECT r.day, r.open, r.high, r.low, r.close, r.volume, 'flatfile') v"
            ),
            {"rows": json.dumps(rows, default=str)},
        )
    return engine


def split(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO splits (ticker_id, execution_date, split_from, split_to, applies_from, price_factor) "
                "SELECT ticker_id, :day, 1, 3, '0001-01-01', 1 / 3.0 FROM tickers WHERE symbol = 'XLSPLIT'"
            ),
            {"day": SPLIT},
        )


def stored(engine: sa.Engine, sessions: Sequence[date]) -> pd.DataFrame:
    query = sa.text(
        "SELECT t.symbol, e.* FROM etf_features e JOIN tickers t USING (ticker_id) WHERE e.date = ANY(:sessions)"
    )
    with engine.connect() as connection:
        frame = pd.read_sql(query, connection, params={"sessions": list(sessions)})
    return frame.sort_values(["date", "symbol", "horizon"], ignore_index=True)


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Numbers to 1e-9: a price adjusted for a split by thirds is rounded once more or less."""
    assert len(one) == len(other) > 0
    for name in ("symbol", "horizon", "null_reasons", "pipeline_version"):
        assert one[name].tolist() == other[name].tolist(), name
    np.testing.assert_allclose(
        one[list(COLUMNS)].astype(float), other[list(COLUMNS)].astype(float), rtol=1e-9, atol=1e-9
    )


def test_rows_are_those_of_the_calculation(bars: sa.Engine, closes: dict[str, dict[str, np.ndarray]]) -> None:
    split(bars)
    counts = write_features(bars, RANGE, UNIVERSE)

    assert counts == dict.fromkeys(RANGE, len(UNIVERSE) * len(HORIZONS))
    seen = SESSIONS.index(next(day for day in SESSIONS if day >= first_day_seen(RANGE[0])))
    assert seen > 0, "what lies before must not count"
    panel = Panel(
        symbols=UNIVERSE,
        sessions=SESSIONS[seen:],
        **{
            name: np.array([closes[symbol][name][seen:] for symbol in UNIVERSE])
            for name in ("high", "low", "close", "volume")
        },
        benchmark=closes["SPY"]["close"][seen:],
    )
    expected = etf_features(panel, len(RANGE), {"XLSPLIT": {SPLIT: 1 / 3}})
    expected["null_reasons"] = expected["null_reasons"].map(json.loads)
    assert_same(
        expected.sort_values(["session", "symbol", "horizon"], ignore_index=True),
        stored(bars, RANGE),
    )
    assert set(stored(bars, RANGE)["symbol"]) == set(UNIVERSE)


def test_a_session_knows_nothing_later_and_is_the_same_in_a_range(bars: sa.Engine) -> None:
    asked = [RANGE[0], date(2026, 6, 30), date(2026, 7, 1), LAST]
    # Each evening as it was: later bars and a split that had not happened are not there yet.
    alone = {}
    with bars.begin() as connection:
        connection.execute(sa.text("CREATE TABLE later AS SELECT * FROM ohlcv WHERE false"))
    for session in asked:
        with bars.begin() as connection:
            connection.execute(sa.text("INSERT INTO later SELECT * FROM ohlcv WHERE date > :s"), {"s": session})
            connection.execute(sa.text("DELETE FROM ohlcv WHERE date > :s"), {"s": session})
        if session == asked[1]:
            split(bars)
        write_features(bars, [session], UNIVERSE)
        alone[session] = stored(bars, [session])
        with bars.begin() as connection:
            connection.execute(sa.text("INSERT INTO ohlcv SELECT * FROM later"))
            connection.execute(sa.text("TRUNCATE later"))
    write_features(bars, RANGE, UNIVERSE)
    for session in asked:
        assert_same(alone[session], stored(bars, [session]))


def test_what_is_unknown_says_why(bars: sa.Engine) -> None:
    write_features(bars, [GAP], UNIVERSE)
    rows = {(row.symbol, row.horizon): row for row in stored(bars, [GAP]).itertuples()}
    without, new, sound = rows["XLGAP", "60D"], rows["XLNEW", "60D"], rows["XLK", "60D"]

    assert np.isnan(without.composite_z)
    assert set(without.null_reasons.values()) == {"NO_BAR"}
    # 91 bars: a composite of four components, neither the long average nor a beta.
    assert new.composite_z == pytest.approx(
        sum(getattr(new, f"{name}_contribution") for name in ("macd", "rsi", "bb_pctb", "mom_5d")), abs=1e-12
    )
    assert new.weight_known == 0.8
    assert new.null_reasons["ma200"] == new.null_reasons["beta_spy_252d"] == "SHORT_HISTORY"
    assert sound.null_reasons == {}


def test_names_that_are_not_stored(bars: sa.Engine) -> None:
    with bars.begin() as connection:
        connection.execute(sa.insert(schema.tickers), {"symbol": "XLEMPTY"})
    universe = ["XLK", "XLEMPTY", "NEVER"]

    assert unknown_symbols(bars, universe) == ["NEVER"]
    assert write_features(bars, [LAST], universe) == {LAST: 6}
    empty = stored(bars, [LAST]).query("symbol == 'XLEMPTY'")
    assert empty["composite_z"].isna().all()
    assert all(reasons["composite_z"] == "NO_BAR" for reasons in empty["null_reasons"])


def test_without_a_benchmark_only_what_compares_is_unknown(bars: sa.Engine) -> None:
    with bars.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM ohlcv WHERE ticker_id = (SELECT ticker_id FROM tickers WHERE symbol = 'SPY')")
        )
    write_features(bars, [LAST], ["XLK"])
    for row in stored(bars, [LAST]).itertuples():
        assert set(row.null_reasons) == {"rs_spy_30d", "rs_spy_90d", "beta_spy_252d", "corr_spy_252d"}
        assert set(row.null_reasons.values()) == {"NO_BENCHMARK"}


def test_nothing_is_stored_yet(engine: sa.Engine) -> None:
    assert write_features(engine, RANGE, UNIVERSE) == dict.fromkeys(RANGE, 0)
    with engine.connect() as connection:
        verdict = benchmark_is_recent(connection, [LAST])
    assert not verdict.passed
    assert "none at all" in verdict.summary


def test_the_benchmark_must_be_recent(bars: sa.Engine) -> None:
    write_features(bars, [LAST], UNIVERSE)
    last_good = session_offset(LAST, RECENT_SESSIONS - 1)
    with bars.begin() as connection:
        assert benchmark_is_recent(connection, [LAST]).passed
        assert benchmark_is_recent(connection, [last_good]).passed
        late = benchmark_is_recent(connection, [session_offset(last_good, 1)])
        assert not late.passed
        assert f"none since {LAST}" in late.summary
        assert not benchmark_is_recent(connection, [session_offset(LAST, -1)]).passed, "what came later says nothing"
        connection.execute(sa.text("UPDATE etf_features SET composite_z = NULL"))
        assert not benchmark_is_recent(connection, [LAST]).passed, "a row alone says nothing"


@pytest.mark.usefixtures("bars")
def test_the_asset_takes_its_universe_from_the_settings(
    materialize: Materialize, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETF_UNIVERSE", "XLK,NEVER")
    # Without the benchmark in the universe the check is red, and says where to look.
    result = materialize("etf_features", first=RANGE[-2], last=LAST)
    assert result.success
    assert set(stored(engine, RANGE)["symbol"]) == {"XLK"}
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity.value) == (False, "ERROR")
    assert "ETF_UNIVERSE" in str(check.description)

    monkeypatch.setenv("ETF_UNIVERSE", "XLK,SPY")
    result = materialize("etf_features", first=RANGE[-2], last=LAST)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    counts = {
        event.partition: event.materialization.metadata["dagster/row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert counts == {RANGE[-2].isoformat(): 6, LAST.isoformat(): 6}


def test_comments_of_the_table_are_those_of_the_calculation() -> None:
    comments = {column.name: column.comment for column in schema.etf_features.columns}
    assert {name: comments[name] for name in COLUMNS} == {
        name: f"{column.description}; {column.unit}" for name, column in COLUMNS.items()
    }
