"""The 11 sectors and SPY as recorded: acceptance lines of the ETF document, and cells recomputed by plain loops."""

import csv
import gzip
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kapman_assets.etf.breadth import breadth
from kapman_assets.etf.columns import COLUMNS, COMPONENTS, HORIZONS
from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.rule_names import ETF_NAMES
from kapman_assets.etf.statistics import conditional_statistics
from kapman_assets.rules.catalogue import Catalogue
from kapman_assets.rules.evaluation import evaluate_history
from kapman_assets.rules.parser import parse
from kapman_resources.sessions import sessions_between
from tests.unit.etf.reference import Reference

pytestmark = pytest.mark.real_data

SECTORS = ["XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY"]
UNIVERSE = [*SECTORS, "SPY"]
FIRST, LAST = date(2024, 7, 25), date(2026, 8, 21)
CELLS = 200


@dataclass(frozen=True)
class Recorded:
    """Sessions, and by symbol (high, low, close, volume) of each."""

    sessions: list[date]
    bars: dict[str, list[tuple[float, float, float, float] | None]]


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> Recorded:
    folder = real_data / "flatfiles_2024_2026" / "us_stocks_sip" / "day_aggs_v1"
    sessions = sessions_between(FIRST, LAST)
    bars: dict[str, list[tuple[float, float, float, float] | None]] = {symbol: [] for symbol in UNIVERSE}
    for session in sessions:
        with gzip.open(folder / f"{session:%Y/%m}" / f"{session}.csv.gz", "rt") as lines:
            found = {line["ticker"]: line for line in csv.DictReader(lines) if line["ticker"] in bars}
        for symbol, own in bars.items():
            line = found.get(symbol)
            own.append(line and tuple(float(line[name]) for name in ("high", "low", "close", "volume")))
    return Recorded(sessions, bars)


@pytest.fixture(scope="module")
def panel(recorded: Recorded) -> Panel:
    nothing = (math.nan,) * 4
    columns = np.array([[bar or nothing for bar in recorded.bars[symbol]] for symbol in UNIVERSE]).transpose(2, 0, 1)
    high, low, close, volume = columns
    return Panel(
        symbols=UNIVERSE,
        sessions=recorded.sessions,
        high=high,
        low=low,
        close=close,
        volume=volume,
        benchmark=close[UNIVERSE.index("SPY")],
    )


@pytest.fixture(scope="module")
def features(panel: Panel) -> pd.DataFrame:
    return etf_features(panel, last=300)


def test_the_recorded_market_is_whole(recorded: Recorded) -> None:
    assert len(recorded.sessions) == 521
    # The first of them has an index and no ETF.
    assert all([place for place, bar in enumerate(bars) if bar is None] == [0] for bars in recorded.bars.values())


def test_acceptance_of_the_document(features: pd.DataFrame) -> None:
    recent = features[(features["horizon"] == "60D") & features["session"].isin(features["session"].unique()[-60:])]

    assert len(recent) == 60 * len(UNIVERSE)
    needed = ["composite_z", "rsi14", "bb_pctb_20", "atr14", "ma_gap_pct"]
    assert recent[needed].notna().all(axis=None)
    # 252 returns are there from the 253rd bar on, which is the 254th session; the rows begin with the 222nd.
    of_one = features[(features["symbol"] == "XLK") & (features["horizon"] == "60D")]
    known = of_one[["beta_spy_252d", "corr_spy_252d"]].notna().to_numpy()
    assert not known[:32].any()
    assert known[32:].all()


def test_random_cells_by_plain_loops(recorded: Recorded, features: pd.DataFrame) -> None:
    benchmark = [bar and bar[2] for bar in recorded.bars["SPY"]]
    references = {symbol: Reference(recorded.sessions, recorded.bars[symbol], benchmark) for symbol in UNIVERSE}
    rng = np.random.default_rng(20260821)
    names = [name for name in COLUMNS if name not in {"weight_known", "z_values"}]
    table = features.set_index(["symbol", "session", "horizon"]).sort_index()
    seen = 0
    for _ in range(CELLS):
        symbol, name = str(rng.choice(UNIVERSE)), str(rng.choice(names))
        place, horizon = int(rng.integers(221, 521)), str(rng.choice(list(HORIZONS)))
        cell = table.loc[(symbol, pd.Timestamp(recorded.sessions[place]), horizon), name]
        expected = references[symbol].value(place, HORIZONS[horizon], name)
        assert cell == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), (symbol, name, place, horizon)
        seen += not math.isnan(expected)
    assert seen > CELLS * 0.9


def test_weights_sum_to_the_composite(features: pd.DataFrame) -> None:
    parts = features[[component.contribution for component in COMPONENTS]].sum(axis=1)

    assert features["composite_z"].notna().all()
    assert (parts - features["composite_z"]).abs().max() <= 1e-12


def test_a_young_symbol_has_a_composite_and_no_beta(panel: Panel) -> None:
    young = Panel(
        **{**vars(panel), **{name: getattr(panel, name).copy() for name in ("high", "low", "close", "volume")}}
    )
    young.close[0, :-120] = np.nan
    of_session = etf_features(young, last=1).set_index(["symbol", "horizon"]).loc[("XLB", "60D")]

    assert math.isfinite(of_session["composite_z"])
    assert of_session[["beta_spy_252d", "corr_spy_252d", "ma200"]].isna().all()
    assert (of_session["weight_known"], of_session["z_values"]) == (0.8, 60)


def test_units_make_sense(features: pd.DataFrame, panel: Panel) -> None:
    last = features[(features["session"] == pd.Timestamp(LAST)) & (features["horizon"] == "60D")].set_index("symbol")
    close = pd.Series(panel.close[:, -1], index=UNIVERSE)

    assert ((last["atr14"] / close) > 0.002).all()
    assert ((last["atr14"] / close) < 0.05).all()
    assert (last["ma50"] / close).between(0.8, 1.2).all()
    # SPY trades tens of billions of USD a session.
    assert 1e10 < last.loc["SPY", "vol_dollar_20d"] < 2e11
    assert last["corr_spy_252d"].between(-0.2, 1).all()
    assert last.loc["XLK", "beta_spy_252d"] > last.loc["XLP", "beta_spy_252d"]


def test_breadth_counts_every_sector_once(features: pd.DataFrame) -> None:
    counted = breadth(features, without=["SPY"])

    assert len(counted) == 300 * 3
    assert (counted["total"] == 11).all()
    assert (counted[["buy", "sell", "hold", "unknown"]].sum(axis=1) == 11).all()
    assert {name: bool(counted[name].any()) for name in ("buy", "sell", "hold")} == dict.fromkeys(
        ("buy", "sell", "hold"), True
    )


def test_statistics_of_a_rule(features: pd.DataFrame, panel: Panel) -> None:
    rows = features[(features["symbol"] == "XLK") & (features["horizon"] == "60D")].reset_index(drop=True)
    closes = panel.close[UNIVERSE.index("XLK"), -300:]
    held = evaluate_history(parse("z<=-1.0", Catalogue(ETF_NAMES)), rows)
    found = conditional_statistics(panel.sessions[-300:], closes, held, 20, LAST)

    returns = [closes[place + 20] / closes[place] - 1 for place in range(280) if rows["composite_z"][place] <= -1.0]
    assert found.events.n == len(returns) > 20
    assert found.events.mean == pytest.approx(float(np.mean(returns)))
    assert found.events.median == pytest.approx(float(np.median(returns)))
    assert found.base.n == 280
    assert found.effective_n is not None
    assert 1 <= found.effective_n < found.events.n
    assert found.separate.n <= 280 / 20
    assert found.mean_interval is not None
    assert found.mean_interval.low < found.events.mean < found.mean_interval.high
