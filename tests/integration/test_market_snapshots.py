"""Daily snapshots of whole markets through Dagster: a recorded one held against its files, and a simulated one."""

from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import build_defs
from kapman_assets.technicals.indicators import INDICATORS
from kapman_resources import schema
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import SECTOR_ETFS
from kapman_resources.simulation import simulate
from tests.integration.conftest import run_range
from tests.integration.recorded_bars import copy_bars, recorded_bars
from tests.integration.test_real_options import record_chains
from tests.unit.simulation.markets import LAST, WITHOUT_OPTIONS, chain_plan_of

pytestmark = pytest.mark.no_cover
"""Long, and other tests trace the same code."""

OF_BARS = ("universe_technicals", "technical_indicators", "wyckoff_events", "wyckoff_phases", "etf_features")
OF_CHAINS = ("options_daily_summary", "volatility_metrics", "price_metrics", "dealer_metrics")
SNAPSHOTS = "daily_snapshots"


def graph(engine: sa.Engine, files: Path, rest: Path) -> dg.Definitions:
    return build_defs(
        resource_overrides={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": FlatFilesResource(location=str(files)),
            "polygon": PolygonResource(location=str(rest)),
        }
    )


def failed_checks(*results: dg.ExecuteInProcessResult) -> set[str]:
    assert all(result.success for result in results)
    return {one.check_name for result in results for one in result.get_asset_check_evaluations() if not one.passed}


def table(engine: sa.Engine, name: str) -> pd.DataFrame:
    """A table's rows with their symbols, by symbol and session."""
    query = sa.text(f"SELECT k.symbol AS of, x.* FROM {name} x JOIN tickers k USING (ticker_id)")
    with engine.connect() as connection:
        return pd.read_sql(query, connection).set_index(["of", "date"]).sort_index()


CLOSE = date(2026, 8, 21)
NEWEST = sessions_between(session_offset(CLOSE, -4), CLOSE)
WITH_CHAINS = ("AAPL", "AMD", "META", "MSFT", "NVDA", "PLTR", "TSLA", "XOM")
WITHOUT_CHAINS = ("SPY", "LLY", "NEM", "DELL", "ORLY", "PH")
WITHOUT_BARS = ("AEHR",)


@pytest.mark.real_data
@pytest.mark.timeout(600)
def test_the_newest_sessions_of_the_recorded_market(
    engine: sa.Engine, instance: dg.DagsterInstance, real_data: Path, tmp_path: Path
) -> None:
    chains = pd.read_parquet(
        real_data / "options/chains_liquid_2026-08-22.parquet", filters=[("underlying", "in", WITH_CHAINS)]
    )
    record_chains(tmp_path / "rest", chains, CLOSE)
    bars = recorded_bars(real_data)
    watched = (*WITH_CHAINS, *WITHOUT_CHAINS, *WITHOUT_BARS)
    with engine.begin() as connection:
        symbols = sorted({*bars["symbol"], *watched})
        connection.execute(
            sa.insert(schema.tickers), [{"symbol": one, "options_enabled": one in watched} for one in symbols]
        )
    copy_bars(engine, bars[bars["session"] < NEWEST[0]])
    defs = graph(engine, real_data / "flatfiles_2024_2026", tmp_path / "rest")

    of_bars = run_range(defs, instance, ["ohlcv", *OF_BARS], NEWEST[0], CLOSE)
    taken = run_range(defs, instance, ["options_chains"], CLOSE, CLOSE)
    rest = run_range(defs, instance, [*OF_CHAINS, SNAPSHOTS], NEWEST[0], CLOSE)

    # Names whose chains were not recorded are said to be lacking, and a recorded market is always an old one.
    assert failed_checks(of_bars, taken, rest) == {"all_taken", "last_session_age"}
    snapshots = table(engine, SNAPSHOTS)
    have_bars = {*WITH_CHAINS, *WITHOUT_CHAINS}
    for session in NEWEST:
        there = set(snapshots.xs(session, level="date").index)
        assert there == have_bars | ({*WITHOUT_BARS} if session == CLOSE else set())
    judged = {
        **dict.fromkeys(WITH_CHAINS, ("complete", [])),
        **dict.fromkeys(WITHOUT_CHAINS, ("partial", ["chain:FAILED", "dealer:none"])),
        **dict.fromkeys(WITHOUT_BARS, ("stale", ["bar", "chain:FAILED", "dealer:none"])),
    }
    newest = snapshots.xs(CLOSE, level="date")
    found = {symbol: (row["data_quality"], row["missing"]) for symbol, row in newest.iterrows()}
    assert found == judged
    before = snapshots[snapshots.index.get_level_values("date") < CLOSE]
    assert set(before["data_quality"]) == {"partial"}
    assert all(missing == ["chain:none", "dealer:none"] for missing in before["missing"])
    assert all(set(outputs) == set(INDICATORS) for outputs in snapshots["technical_indicators_json"].dropna())

    # Numbers from the files themselves.
    screener = table(engine, "universe_technicals")
    assert (
        screener.groupby("date").size().to_dict()
        == bars[bars["session"] >= NEWEST[0]].groupby("session").size().to_dict()
    )
    for symbol in sorted(have_bars):
        own = bars[bars["symbol"] == symbol].sort_values("session").set_index("session")
        close, volume = own["close"], own["volume"]
        change = close.diff()
        gain, loss = (
            part.ewm(alpha=1 / 14, adjust=False).mean() for part in (change.clip(lower=0), -change.clip(upper=0))
        )
        expected = pd.DataFrame(
            {
                "sma_20": close.rolling(20).mean(),
                "sma_50": close.rolling(50).mean(),
                "sma_200": close.rolling(200).mean(),
                "bbands_upper": close.rolling(20).mean() + 2 * close.rolling(20).std(ddof=0),
                "hv_20": np.log(close).diff().rolling(20).std() * np.sqrt(252),
                "rvol": volume / volume.shift().rolling(20).mean(),
                # Where an average that decays began is forgotten by then.
                "rsi_14": 100 - 100 / (1 + gain / loss),
            }
        ).loc[NEWEST]
        stored = snapshots.loc[symbol].loc[NEWEST]
        np.testing.assert_allclose(stored[list(expected)].astype(float), expected, rtol=1e-6, err_msg=symbol)
        distances = pd.DataFrame(
            {
                "high_52w_distance": close / own["high"].rolling(252).max() - 1,
                "low_52w_distance": close / own["low"].rolling(252).min() - 1,
                "return_20": close / close.shift(20) - 1,
            }
        ).loc[NEWEST]
        stored = screener.loc[symbol].loc[NEWEST]
        np.testing.assert_allclose(stored[list(distances)], distances, rtol=1e-9, atol=1e-12, err_msg=symbol)

    # The wall of a snapshot is the strike, of those within 60 days and a quarter of the price, that nobody tops.
    near = (pd.to_datetime(chains["expiration"]) - pd.Timestamp(CLOSE)).dt.days.between(1, 60)
    limits = near & (chains["strike"] / chains["underlying_price"]).between(0.75, 1.25)
    calls = chains[limits & (chains["type"] == "call")].groupby(["underlying", "strike"])["open_interest"].sum()
    for symbol in WITH_CHAINS:
        assert newest.loc[symbol, "call_wall_primary_oi"] == calls[symbol].max()
        assert calls[symbol][newest.loc[symbol, "call_wall_primary"]] == calls[symbol].max()
    features = table(engine, "etf_features")
    assert set(features.index) == {(symbol, session) for symbol in SECTOR_ETFS for session in NEWEST}


def test_the_last_sixty_sessions_of_a_simulated_market(
    engine: sa.Engine, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sessions = sessions_between(session_offset(LAST, -59), LAST)
    with_chains = sessions[-3:]
    first = session_offset(LAST, -299)
    plan = chain_plan_of(first_session=first, first_chain_session=with_chains[0])
    simulate(tmp_path, plan, through=LAST)
    defs = graph(engine, tmp_path / "flatfiles", tmp_path / "rest")
    assert run_range(defs, instance, ["tickers", "splits"], None, None).success
    names = {name.symbol for name in plan.watched}
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE tickers SET options_enabled = symbol = ANY(:names)"), {"names": sorted(names)}
        )

    # In the order in which `kapman up` makes them.
    bars = run_range(defs, instance, ["ohlcv"], first, LAST)
    of_bars = run_range(defs, instance, OF_BARS, sessions[0], LAST)
    chains = run_range(defs, instance, ["options_chains", *OF_CHAINS], with_chains[0], LAST)
    joined = run_range(defs, instance, [SNAPSHOTS], sessions[0], LAST)

    # Nothing of the analysis is doubted; the vendor's faults of the other domains are simulated, too.
    assert failed_checks(of_bars, joined) <= {"benchmark_is_recent"}
    assert bars.success
    assert chains.success
    snapshots = table(engine, SNAPSHOTS)
    with engine.connect() as connection:
        traded = connection.execute(
            sa.text("SELECT t.symbol, o.date FROM ohlcv o JOIN tickers t USING (ticker_id) WHERE t.options_enabled")
        ).all()
    for session in sessions:
        have_bars = {symbol for symbol, day in traded if day == session}
        rows = snapshots.xs(session, level="date")
        assert have_bars <= set(rows.index) <= names
        assert len(have_bars) >= 12
        assert rows.loc[sorted(have_bars), "data_quality"].isin(["complete", "partial"]).all()
        assert (rows["data_quality"].ne("stale") == [symbol in have_bars for symbol in rows.index]).all()
        complete = set(rows.index[rows["data_quality"] == "complete"])
        assert bool(complete) == (session in with_chains)
        assert complete.isdisjoint(WITHOUT_OPTIONS)
        assert rows.loc[sorted(have_bars), ["rsi_14", "sma_200", "composite_score"]].notna().all(axis=None)
