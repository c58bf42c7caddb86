"""Recorded chains of real underlyings, as vendor pages, through the whole domain."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import build_defs
from kapman_assets.options import black_scholes
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from tests.chain_pages import pages_of, record, vendor_row
from tests.integration.conftest import run_range

pytestmark = [pytest.mark.real_data, pytest.mark.xdist_group("real_data"), pytest.mark.timeout(600)]

SESSION = date(2026, 8, 21)
FIRST_BAR = date(2026, 5, 15)
RATE = 0.036
METRICS = ("options_daily_summary", "volatility_metrics", "price_metrics", "dealer_metrics")

SNAPSHOTS = {
    # When each was taken, and the session whose chain it is; of the last session the one after the close counts.
    "2026-07-15": date(2026, 7, 15),
    "2026-07-16": date(2026, 7, 16),
    "2026-08-20 02": date(2026, 8, 19),
    "2026-08-20 14": date(2026, 8, 20),
    "2026-08-22": SESSION,
}


def record_chains(root: Path, chains: pd.DataFrame, session: date) -> None:
    """Re-shape a recorded table into the vendor's pages."""
    for symbol, rows in chains.groupby("underlying"):
        contracts = []
        for row in rows.itertuples(index=False):
            greeks = {name: getattr(row, name) for name in ("delta", "gamma", "theta", "vega")}
            contract = vendor_row(
                str(symbol),
                session,
                pd.Timestamp(row.expiration).date(),
                row.type,
                row.strike,
                oi=None if np.isnan(row.open_interest) else int(row.open_interest),
                volume=None if np.isnan(row.volume) else int(row.volume),
                iv=None if np.isnan(row.iv) else row.iv,
                greeks={name: value for name, value in greeks.items() if not np.isnan(value)},
                close=None if np.isnan(row.last) else row.last,
                quote=(row.bid, row.ask),
                spot=row.underlying_price,
            )
            contract["details"]["ticker"] = f"O:{row.option_ticker}"
            contracts.append(contract)
        taken = rows["snapshot_ts"].iloc[0].to_pydatetime()
        record(root, session, str(symbol), pages_of(str(symbol), contracts), taken=taken.astimezone(UTC))


@pytest.fixture
def graph(engine: sa.Engine, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    monkeypatch.setenv("RISK_FREE_RATE", str(RATE))
    (tmp_path / "rest").mkdir()
    return build_defs(
        resource_overrides={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": FlatFilesResource(location=str(real_data / "flatfiles_2024_2026")),
            "polygon": PolygonResource(location=str(tmp_path / "rest")),
        }
    )


def watch(engine: sa.Engine, symbols: list[str]) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO tickers (symbol, options_enabled) SELECT unnest(CAST(:symbols AS text[])), true "
                "ON CONFLICT (symbol) DO UPDATE SET options_enabled = true"
            ),
            {"symbols": symbols},
        )


def test_all_chains_of_a_real_close(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: dg.Definitions, real_data: Path, tmp_path: Path
) -> None:
    chains = pd.read_parquet(real_data / "options/chains_liquid_2026-08-22.parquet")
    record_chains(tmp_path / "rest", chains, SESSION)
    watch(engine, sorted(set(chains["underlying"])))
    assert run_range(graph, instance, ["ohlcv"], FIRST_BAR, SESSION).success
    assert run_range(graph, instance, ["options_chains", *METRICS], SESSION, SESSION).success
    with engine.connect() as connection:
        statuses = dict(
            connection.execute(sa.text("SELECT status, count(*) FROM options_chain_status GROUP BY 1")).all()
        )
        traded = set(
            connection.scalars(sa.text("SELECT symbol FROM v_ohlcv WHERE date = :session"), {"session": SESSION})
        ) & set(chains["underlying"])
        rows = pd.read_sql(
            sa.text("""
                SELECT t.symbol, c.contract, c.strike, c.expiration_date, c.contract_type, c.implied_volatility AS iv,
                       c.gamma, c.delta, c.open_interest, c.bid, s.spot
                FROM options_chains c JOIN options_chain_status s USING (date, ticker_id)
                JOIN tickers t USING (ticker_id)"""),
            connection,
        )
        metrics = pd.read_sql(
            sa.text("""
                SELECT t.symbol, d.*, v.iv_30d, v.iv_90d, p.hv_20, p.adv_20, o.calculated_gex
                FROM dealer_metrics d JOIN tickers t USING (ticker_id) JOIN volatility_metrics v USING (date, ticker_id)
                JOIN price_metrics p USING (date, ticker_id) JOIN options_daily_summary o USING (date, ticker_id)"""),
            connection,
        )
    assert statuses == {"COMPLETE": 91}

    # Every contract that was asked for is stored as it was recorded.
    days = (pd.to_datetime(chains["expiration"]) - pd.Timestamp(SESSION)).dt.days
    price = chains["underlying_price"]
    inner = days.between(0, 120) & (chains["strike"] / price).between(0.51, 1.49)
    expected = chains[inner].set_index("option_ticker")
    stored = rows.set_index(rows["contract"].str.removeprefix("O:"))
    assert set(expected.index) <= set(stored.index)
    same = stored.loc[expected.index]
    known = expected["iv"] > 0
    np.testing.assert_array_equal(same["iv"][known], expected["iv"][known])
    np.testing.assert_array_equal(same["open_interest"], expected["open_interest"])
    assert same["iv"][~known].isna().all()

    # Vendor's gammas against Black-Scholes from the vendor's volatility.
    dte = (pd.to_datetime(rows["expiration_date"]) - pd.Timestamp(SESSION)).dt.days
    near = rows[
        dte.between(10, 90) & rows["delta"].abs().between(0.1, 0.9) & rows["gamma"].notna() & rows["iv"].notna()
    ]
    own = black_scholes.gamma(near["spot"], near["strike"], dte[near.index] / 365, near["iv"], rate=RATE)
    assert len(near) > 10_000
    assert (own / near["gamma"] - 1).abs().median() < 0.03

    # Invariants of each chain (reference 4.3).
    assert len(metrics) == 91
    assert set(metrics["dealer_status"]) <= {"FULL", "LIMITED"}
    assert ((metrics["call_gex"] + metrics["put_gex"] - metrics["net_gex"]).abs() <= 1e-9 * metrics["gross_gex"]).all()
    assert (metrics["call_gex"] >= 0).all()
    assert (metrics["put_gex"] <= 0).all()
    assert metrics["gex_ratio"].between(-1, 1).all()
    assert metrics["dgpi"].dropna().between(-100, 100).all()
    assert (metrics["calculated_gex"] / metrics["gross_gex"] - 1).abs().max() < 1e-9
    found = metrics[metrics["flip_status"] == "FOUND"]
    assert len(found) > 60
    assert (found["gamma_flip_level"] / found["spot"]).between(0.8, 1.2).all()
    # Above the nearest upward crossing net gamma is positive; the vendor's own gammas may blur it near the crossing.
    clear = found[
        (found["flip_direction"] == "upward") & ((found["spot"] / found["gamma_flip_level"] - 1).abs() > 0.01)
    ]
    agree = (clear["spot"] > clear["gamma_flip_level"]) == (clear["net_gex"] > 0)
    assert agree.mean() > 0.95
    assert metrics["iv_30d"].between(0.03, 3).all()
    assert metrics["iv_90d"].notna().mean() > 0.9
    # The recorded bars do not hold every underlying; those they hold have realised volatility, too.
    assert len(traded) > 60
    assert metrics.loc[metrics["symbol"].isin(traded), ["hv_20", "adv_20"]].notna().all(axis=None)


def test_a_history_of_snapshots_gives_changes_of_open_interest_and_its_own_length(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: dg.Definitions, real_data: Path, tmp_path: Path
) -> None:
    chains = pd.read_parquet(real_data / "options/chains_history_6syms_6snaps_2026-07_08.parquet")
    stamps = chains["snapshot_ts"].dt.strftime("%Y-%m-%d %H")
    for prefix, session in SNAPSHOTS.items():
        record_chains(tmp_path / "rest", chains[stamps.str.startswith(prefix)], session)
    watch(engine, sorted(set(chains["underlying"])))
    for session in SNAPSHOTS.values():
        assert run_range(graph, instance, ["options_chains", *METRICS], session, session).success
    with engine.connect() as connection:
        history = pd.read_sql(
            sa.text("SELECT date, history_n, iv_rank, null_reasons, iv_30d FROM volatility_metrics ORDER BY date"),
            connection,
        )
        moved = pd.read_sql(
            sa.text("""
                SELECT c.open_interest AS after, b.open_interest AS before
                FROM options_chains c JOIN options_chains b USING (ticker_id, contract)
                WHERE c.date = '2026-08-20' AND b.date = '2026-08-19'"""),
            connection,
        )
        stamp = connection.scalar(sa.text("SELECT max(snapshot_ts) FROM options_chain_status"))
    assert history.groupby("date")["history_n"].unique().str[0].tolist() == [0, 1, 2, 3, 4]
    assert history["iv_30d"].notna().all()
    assert history["iv_rank"].isna().all()
    assert {reasons["iv_rank"] for reasons in history["null_reasons"]} == {"SHORT_HISTORY"}
    assert len(moved) > 5_000
    assert (moved["after"] != moved["before"]).mean() > 0.1
    assert stamp == datetime(2026, 8, 22, 13, 55, 17, tzinfo=UTC)
