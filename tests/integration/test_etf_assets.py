"""ETF features of stored bars: alone or in a range, early or late, split or not, the same rows; what rules fire."""

import csv
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.etf import checks
from kapman_assets.etf.breadth import breadth
from kapman_assets.etf.columns import COLUMNS, HORIZONS
from kapman_assets.etf.edge import edge
from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.grid import HorizonError
from kapman_assets.etf.look_back import first_day_seen
from kapman_assets.etf.quality import RECENT_SESSIONS, benchmark_is_recent
from kapman_assets.etf.rule_store import CATALOGUE, Evaluation, evaluate_rules
from kapman_assets.etf.statistics import StatisticsError
from kapman_assets.etf.store import unknown_symbols, write_features
from kapman_assets.rules.errors import RuleError
from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import SECTOR_ETFS
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
        insert_bars(connection, rows)
    return engine


def insert_bars(connection: sa.Connection, rows: Sequence[dict[str, object]]) -> None:
    query = sa.text(
        "INSERT INTO ohlcv (ticker_id, date, open, high, low, close, volume, source) "
        "SELECT t.ticker_id, r.day, r.open, r.high, r.low, r.close, r.volume, 'flatfile' "
        "FROM json_to_recordset(:rows) AS r(symbol text, day date, open float8, high float8, low float8, "
        "close float8, volume float8) JOIN tickers t USING (symbol)"
    )
    connection.execute(query, {"rows": json.dumps(rows, default=str)})


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


@pytest.mark.usefixtures("bars")
def test_a_builder_that_stopped_is_found_in_the_evening_and_asked_again(
    defs: dg.Definitions, instance: dg.DagsterInstance, materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = datetime.combine(LAST, time(23, 30), tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return evening

    monkeypatch.setattr(checks, "datetime", Clock)
    monkeypatch.setenv("ETF_UNIVERSE", "XLK,SPY")
    assert materialize("etf_features", first=session_offset(LAST, -RECENT_SESSIONS)).success
    for asset, partition in (("tickers", None), ("splits", None), ("ohlcv", LAST.isoformat())):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition))
    cursor = None

    def requested() -> set[str | None]:
        nonlocal cursor, evening
        evening += timedelta(minutes=1)
        result = dg.evaluate_automation_conditions(
            defs, instance, dg.AssetSelection.assets("etf_features"), evaluation_time=evening, cursor=cursor
        )
        cursor = result.cursor
        return set(result.get_requested_partitions(dg.AssetKey("etf_features")))

    def judge() -> bool:
        schedule = defs.resolve_schedule_def("benchmark_is_recent_schedule")
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        with dg.build_schedule_context(instance, evening) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or []
        run = defs.resolve_job_def(schedule.job_name).execute_in_process(instance=instance, tags=request.tags)
        assert not run.get_asset_materialization_events(), "the check alone"
        (check,) = run.get_asset_check_evaluations()
        return check.passed

    assert requested() == set()
    assert not judge()
    assert [requested() for _ in range(3)] == [{LAST.isoformat()}, set(), set()]
    assert materialize("etf_features", first=LAST).success
    assert judge()
    assert [requested() for _ in range(3)] == [set()] * 3


def test_breadth_is_that_of_the_function(bars: sa.Engine) -> None:
    write_features(bars, SESSIONS[-60:], UNIVERSE)
    with bars.begin() as connection:
        # At the thresholds themselves, where < and <= differ.
        query = "UPDATE etf_features e SET composite_z = :z FROM tickers t WHERE t.symbol = 'XLK' AND date = :day"
        for day, z in ((LAST, -1.0), (RANGE[0], 1.0)):
            connection.execute(sa.text(f"{query} AND t.ticker_id = e.ticker_id"), {"z": z, "day": day})
        found = pd.read_sql(sa.text("SELECT * FROM etf_breadth ORDER BY date, horizon"), connection)
    features = stored(bars, SESSIONS[-60:]).rename(columns={"date": "session"})
    expected = breadth(features, without=["SPY"]).rename(columns={"session": "date"})

    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert len(found) == 60 * len(HORIZONS)
    assert (found[["buy", "sell", "hold", "unknown"]].sum() > 0).all()


def test_an_edge_is_that_of_the_returns_after_the_rule(
    bars: sa.Engine, closes: dict[str, dict[str, np.ndarray]]
) -> None:
    split(bars)
    write_features(bars, SESSIONS[-300:], UNIVERSE)
    as_of, forward = RANGE[-3], 5
    with bars.connect() as connection:
        found = edge(connection, "XLSPLIT", "z<=-0.5 and rsi14<50", forward=forward, as_of=as_of)
    rows = stored(bars, SESSIONS[-300:]).query("symbol == 'XLSPLIT' and horizon == '60D'")
    held = rows[(rows["composite_z"] <= -0.5) & (rows["rsi14"] < 50)]["date"]
    last, close = SESSIONS.index(as_of), closes["XLSPLIT"]["close"]
    places = [SESSIONS.index(day) for day in held if day <= as_of]
    returns = [close[place + forward] / close[place] - 1 for place in places if place + forward <= last]

    assert (found.as_of, found.forward) == (as_of, forward)
    assert found.events.n == len(returns) > 20
    assert found.pending == len(places) - len(returns)
    assert found.events.mean == pytest.approx(np.mean(returns), rel=1e-9)
    assert found.events.median == pytest.approx(np.median(returns), rel=1e-9)
    over = [close[place + forward] / close[place] - 1 for place in range(len(SESSIONS) - 300, last - forward + 1)]
    assert found.base.n == len(over)
    assert found.base.mean == pytest.approx(np.mean(over), rel=1e-9)


def test_an_edge_that_cannot_be_asked_for_says_why(bars: sa.Engine) -> None:
    write_features(bars, [LAST], UNIVERSE)
    with bars.connect() as connection:
        with pytest.raises(StatisticsError, match="no 60D features of AAPL up to 2026-07-08"):
            edge(connection, OTHER, "z<0", forward=5, as_of=LAST)
        with pytest.raises(StatisticsError, match="no 60D features of XLK"):
            edge(connection, "XLK", "z<0", forward=5, as_of=RANGE[0])
        with pytest.raises(StatisticsError, match="10000 sessions: ask for 1 to 252"):
            edge(connection, "XLK", "z<0", forward=10_000, as_of=LAST)
        with pytest.raises(RuleError, match="no name gex_total"):
            edge(connection, "XLK", "gex_total<0", forward=5, as_of=LAST)
        with pytest.raises(HorizonError, match="90D"):
            edge(connection, "XLK", "z<0", forward=5, as_of=LAST, horizon="90D")


@pytest.mark.real_data
def test_the_sectors_as_recorded_in_one_run(engine: sa.Engine, materialize: Materialize, real_data: Path) -> None:
    recorded = sessions_between(date(2024, 7, 25), date(2026, 8, 21))
    store_recorded(engine, real_data / "flatfiles_2024_2026", recorded)
    asked = recorded[-300:]

    result = materialize("etf_features", "etf_breadth", first=asked[0], last=asked[-1])

    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert str(asked[-1]) in str(check.description)
    rows = stored(engine, asked)
    assert rows.groupby(["symbol", "horizon"]).size().tolist() == [300] * 36
    assert set(rows["symbol"]) == set(SECTOR_ETFS)
    # The acceptance lines of the document.
    recent = rows[(rows["horizon"] == "60D") & (rows["date"] >= asked[-60])]
    assert len(recent) == 60 * 12
    assert recent[["composite_z", "rsi14", "bb_pctb_20", "atr14", "ma_gap_pct"]].notna().all(axis=None)
    assert rows[rows["date"] == asked[-1]][list(COLUMNS)].notna().all(axis=None)
    # NULL and its reason go together, cell by cell.
    unknown = [set(row.index[row.isna()]) for _, row in rows[list(COLUMNS)].iterrows()]
    assert unknown == [set(reasons) for reasons in rows["null_reasons"]]
    with engine.connect() as connection:
        totals = connection.scalars(sa.text("SELECT total FROM etf_breadth")).all()
    assert totals == [11] * 900


def store_recorded(engine: sa.Engine, root: Path, sessions: Sequence[date]) -> None:
    """Put the sectors' bars of the recorded day files into the warehouse."""
    found = []
    for path in sorted(root.rglob("*.csv.gz")):
        with gzip.open(path, "rt") as lines:
            rows = [line for line in csv.DictReader(lines) if line["ticker"] in SECTOR_ETFS]
        found += [{**row, "symbol": row["ticker"], "day": path.name[:10]} for row in rows]
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], sessions)
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": symbol} for symbol in SECTOR_ETFS])
        insert_bars(connection, found)


# --- rules


def add_rule(engine: sa.Engine, name: str, condition: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.alert_rules), {"name": name, "condition": condition, **values})


def asked(engine: sa.Engine, session: date) -> Evaluation:
    with engine.begin() as connection:
        return evaluate_rules(connection, session)


def fired(engine: sa.Engine, session: date) -> list[tuple[str, str]]:
    """Rule and symbol of what fires, after it is stored."""
    evaluation = asked(engine, session)
    query = sa.text(
        "SELECT r.name, t.symbol FROM alert_firings f JOIN alert_rules r USING (rule_id) "
        "JOIN tickers t USING (ticker_id) WHERE f.date = :session ORDER BY f.rule_id, f.ticker_id"
    )
    with engine.connect() as connection:
        kept = [tuple(row) for row in connection.execute(query, {"session": session})]
    assert [(firing.name, firing.symbol) for firing in evaluation.fired] == kept
    return [(name, symbol) for name, symbol in kept]


@pytest.fixture
def scores(engine: sa.Engine) -> sa.Engine:
    """Composites of XLK and SPY over ten sessions, chosen by hand; nothing else is known of them."""
    days = sessions_between(session_offset(LAST, -9), LAST)
    chosen = {"XLK": [0, -2, -2, -2, -2, -2, -2, 0, -2, None], "SPY": [0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0]}
    with engine.connect() as connection:
        partitioning.make_room(connection, ["universe_technicals"], days)
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tickers), [{"symbol": symbol} for symbol in ("XLK", "SPY", OTHER)])
        ids = dict(connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all())
        connection.execute(
            sa.insert(schema.etf_features),
            [
                {
                    "date": day, "ticker_id": ids[symbol], "horizon": horizon, "z_values": 60, "null_reasons": {},
                    # The other horizons would never fire.
                    "composite_z": z if horizon == "60D" else 9, "pipeline_version": "by hand",
                }
                for symbol, values in chosen.items()
                for day, z in zip(days, values, strict=True)
                for horizon in HORIZONS
            ],
        )  # fmt: skip
        connection.execute(
            sa.insert(schema.universe_technicals),
            [
                {"date": day, "ticker_id": ids[symbol], "bars": 99, "rsi_14": 20.0, "macd_signal": 7.0}
                for day in days
                for symbol in ("XLK", OTHER)
            ],
        )
    return engine


def test_a_rule_that_fired_is_silent_for_its_cool_down(scores: sa.Engine) -> None:
    add_rule(scores, "low", "z<=-1.0")
    add_rule(scores, "always", "z<=-1.0", cool_down=0)
    days = sessions_between(session_offset(LAST, -9), LAST)

    by_day = [fired(scores, day) for day in days]

    # It holds on days 1 to 6 and 8: it fires, is silent for three sessions, and fires again.
    assert [place for place, found in enumerate(by_day) if ("low", "XLK") in found] == [1, 5]
    assert [place for place, found in enumerate(by_day) if ("always", "XLK") in found] == [1, 2, 3, 4, 5, 6, 8]
    assert {symbol for found in by_day for _, symbol in found} == {"XLK"}
    # Asked again, also about a session that others have followed, it says the same.
    assert fired(scores, days[5]) == by_day[5]
    assert fired(scores, days[1]) == by_day[1]


def test_a_crossing_looks_at_the_session_before(scores: sa.Engine) -> None:
    add_rule(scores, "down", "cross_below(z, -1)", cool_down=0)
    days = sessions_between(session_offset(LAST, -9), LAST)

    assert [place for place, day in enumerate(days) if fired(scores, day)] == [1, 8]


def test_a_rule_is_asked_of_its_universe(scores: sa.Engine) -> None:
    day = session_offset(LAST, -8)
    with scores.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO watchlist (user_id, ticker_id) SELECT 'ann', ticker_id FROM tickers WHERE symbol = :s"
            ),
            {"s": OTHER},
        )
    for universe in ("etf", "watchlist", "all", "XLK", "SPY"):
        add_rule(scores, universe, "rsi_14 < 30", universe=universe, user_id="ann")
    add_rule(scores, "not mine", "rsi_14 < 30", universe="watchlist", user_id="bob")
    add_rule(scores, "asleep", "rsi_14 < 30", universe="all", is_active=False)

    assert fired(scores, day) == [
        ("etf", "XLK"), ("watchlist", OTHER), ("all", "XLK"), ("all", OTHER), ("XLK", "XLK"),
    ]  # fmt: skip


def test_names_of_all_tables_are_one_language(scores: sa.Engine) -> None:
    # ETF features have a column of this name too, which is unknown here.
    add_rule(scores, "both", "z < -1 and universe_macd_signal == 7 and bars > 50")
    add_rule(scores, "unknown", "not (macd_signal > 0)")

    assert fired(scores, session_offset(LAST, -8)) == [("both", "XLK")]
    units = {name.name: name.unit for name in CATALOGUE}
    assert units["gex_total"] == "gross gamma exposure, USD of delta hedge per 1 % move"
    assert units["rsi14"] == "0 to 100"
    numbers = {
        column.name
        for table in (schema.etf_features, schema.universe_technicals, schema.daily_snapshots)
        for column in table.columns
        if str(column.type) in {"DOUBLE", "DOUBLE PRECISION", "INTEGER", "BIGINT"} and column.name != "ticker_id"
    }
    assert numbers <= units.keys()
    assert {"date", "ticker_id", "symbol", "null_reasons"}.isdisjoint(units)


@pytest.mark.parametrize(
    ("condition", "universe", "problem"),
    [
        ("zz <= -1", "etf", "there is no name zz"),
        ("(z <= -1", "etf", "never closed, at character 1"),
        ("__import__('os')", "etf", "has no place in a rule"),
        ("z < 1 and " * 1000, "etf", "may have 1000"),
        ("z <= -1", "NEVER", "there is no symbol NEVER"),
    ],
)
def test_a_bad_rule_is_named_and_the_others_fire(
    scores: sa.Engine, condition: str, universe: str, problem: str
) -> None:
    add_rule(scores, "bad", condition, universe=universe)
    add_rule(scores, "good", "z <= -1")

    evaluation = asked(scores, session_offset(LAST, -8))

    assert [firing.name for firing in evaluation.fired] == ["good"]
    (refused,) = evaluation.refused
    assert (refused.name, refused.user_id) == ("bad", "local")
    assert problem in refused.problem


def test_without_rules_or_rows_nothing_fires(engine: sa.Engine) -> None:
    assert asked(engine, LAST) == Evaluation([], [])
    add_rule(engine, "all", "z < 9 or cross(rsi_14, 30) or gex_total > 0", universe="all")
    assert asked(engine, LAST) == Evaluation([], [])


def test_comments_of_the_table_are_those_of_the_calculation() -> None:
    comments = {column.name: column.comment for column in schema.etf_features.columns}
    assert {name: comments[name] for name in COLUMNS} == {
        name: f"{column.description}; {column.unit}" for name, column in COLUMNS.items()
    }
