"""A simulated market's chains through the whole domain, held against the truth that only the simulator knows."""

import csv
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import build_defs
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from kapman_resources.simulation import simulate
from tests.integration.conftest import run_range
from tests.unit.simulation.markets import LAST, chain_plan_of

COVERED = 0.98
"""Open interest with a known volatility: where the vendor leaves out a large contract, no reader can know the truth."""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    directory = tmp_path / "market"
    simulate(directory, chain_plan_of(), through=LAST)
    return directory


def labels(market: Path) -> pd.DataFrame:
    with (market / "labels/options.csv").open(newline="") as file:
        frame = pd.DataFrame(csv.DictReader(file))
    frame["session"] = pd.to_datetime(frame["session"]).dt.date
    numbers = [name for name in frame.columns if name not in {"session", "symbol"}]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce")
    return frame


def test_flip_walls_and_volatility_are_the_simulators(
    engine: sa.Engine, instance: dg.DagsterInstance, market: Path
) -> None:
    truth = labels(market)
    first, last = min(truth["session"]), max(truth["session"])
    graph = build_defs(
        resource_overrides={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": FlatFilesResource(location=str(market / "flatfiles")),
            "polygon": PolygonResource(location=str(market / "rest")),
        }
    )
    assert run_range(graph, instance, ["tickers", "splits"], None, None).success
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE tickers SET options_enabled = symbol = ANY(:symbols)"),
            {"symbols": sorted(set(truth["symbol"]))},
        )
    keys = ["ohlcv", "options_chains", "options_daily_summary", "volatility_metrics", "price_metrics", "dealer_metrics"]
    assert run_range(graph, instance, keys, first, last).success
    with engine.connect() as connection:
        stored = pd.read_sql(
            sa.text("""
                SELECT d.date AS session, t.symbol, d.spot AS spot_stored, d.oi_coverage, d.flip_coverage,
                       d.flip_status, d.gamma_flip_level, d.call_wall AS call_wall_gamma, d.put_wall AS put_wall_gamma,
                       d.call_wall_oi AS call_oi, d.put_wall_oi AS put_oi, d.net_gex AS net, v.iv_30d,
                       d.gross_gex, o.calculated_net_gex, o.calculated_gex
                FROM dealer_metrics d JOIN tickers t USING (ticker_id)
                JOIN volatility_metrics v USING (date, ticker_id)
                JOIN options_daily_summary o USING (date, ticker_id)"""),
            connection,
        )
    both = truth.merge(stored, on=["session", "symbol"], how="inner", validate="one_to_one")
    assert len(both) == len(truth) > 60
    assert both["spot_stored"].to_numpy() == pytest.approx(both["spot"].to_numpy(), rel=1e-9)

    covered = both[(both["oi_coverage"] > COVERED) & (both["flip_coverage"] > COVERED)]
    assert len(covered) > len(both) / 3
    has_flip = covered["flip"].notna()
    assert (has_flip == covered["flip_status"].eq("FOUND")).mean() > 0.97
    found = covered[has_flip & covered["gamma_flip_level"].notna()]
    assert (found["gamma_flip_level"] / found["flip"] - 1).abs().median() < 0.003
    assert (covered["call_wall_gamma"] == covered["call_wall"]).mean() > 0.95
    assert (covered["put_wall_gamma"] == covered["put_wall"]).mean() > 0.95
    assert ((covered["net"] - covered["net_gex"]).abs() / covered["gross_gex"]).quantile(0.95) < 0.03
    assert (covered["iv_30d"] / covered["atm_iv_30d"] - 1).abs().median() < 0.005
    # Open interest is never left out: its walls are the true ones wherever contracts were not cut off.
    assert (both["call_oi"] == both["call_wall_oi"]).mean() > 0.95
    assert (both["put_oi"] == both["put_wall_oi"]).mean() > 0.95
    # The SQL model and the calculations agree on every chain.
    assert (both["calculated_gex"] / both["gross_gex"] - 1).abs().max() < 1e-9
    assert ((both["calculated_net_gex"] - both["net"]).abs() / both["gross_gex"]).max() < 1e-9


def test_the_sessions_of_the_labels_are_those_of_the_pages(market: Path) -> None:
    root = market / "rest/v3/snapshot/options"
    assert {date.fromisoformat(path.name) for path in root.iterdir()} == set(labels(market)["session"])
