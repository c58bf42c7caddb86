"""Features against the formulas, against themselves on other histories, and on bars that lack something."""

import json
import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.etf.columns import COLUMNS, COMPONENTS, HORIZONS, IN_PRICE_UNITS
from kapman_assets.etf.features import KEY, PIPELINE_VERSION, Panel, etf_features
from kapman_assets.etf.look_back import first_day_seen
from tests.unit.etf.markets import LAST, cut, panel_of, random_panel, sessions_up_to, walk
from tests.unit.etf.reference import Reference

NAMES = list(COLUMNS)


def row(features: pd.DataFrame, symbol: str = "S0", horizon: str = "60D", session: date = LAST) -> "pd.Series[Any]":
    found = features[
        (features["symbol"] == symbol)
        & (features["horizon"] == horizon)
        & (features["session"] == pd.Timestamp(session))
    ]
    assert len(found) == 1
    return found.iloc[0]


def reasons(of: "pd.Series[Any]") -> dict[str, str]:
    """The reasons of a row, which are there for every column that is NaN and for no other."""
    told: dict[str, str] = json.loads(of["null_reasons"])
    assert set(told) == {name for name in NAMES if math.isnan(of[name])}
    return told


def test_every_symbol_session_and_horizon_has_a_row() -> None:
    panel = random_panel(1, 300, symbols=2)
    features = etf_features(panel, last=3)

    assert list(features.columns) == [*KEY, *NAMES, "null_reasons"]
    assert len(features) == 3 * 2 * 3
    assert features["session"].drop_duplicates().dt.date.tolist() == panel.sessions[-3:]
    assert features["horizon"].head(3).tolist() == ["20D", "60D", "252D"]
    assert features["symbol"].head(6).tolist() == ["S0"] * 3 + ["S1"] * 3
    assert set(features["pipeline_version"]) == {PIPELINE_VERSION}
    assert len(etf_features(panel, last=0)) == 0


@pytest.mark.parametrize("gaps", [(), (290, 350, 351, 420, 610, 699)])
def test_cells_by_the_formulas(gaps: tuple[int, ...]) -> None:
    panel = random_panel(7, 760)
    panel.close[0, list(gaps)] = np.nan
    panel.benchmark[[500, 640]] = np.nan
    features = etf_features(panel, last=60)
    reference = reference_of(panel)

    rng = np.random.default_rng(3)
    for place in rng.choice(np.arange(700, 760), 12, replace=False):
        for horizon, window in HORIZONS.items():
            of_session = row(features, horizon=horizon, session=panel.sessions[place])
            for name in NAMES:
                if name not in {"weight_known", "z_values"}:
                    expected = reference.value(int(place), window, name)
                    assert of_session[name] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), (name, place)


def reference_of(panel: Panel) -> Reference:
    columns = zip(panel.high[0], panel.low[0], panel.close[0], panel.volume[0], strict=True)
    return Reference(
        list(panel.sessions),
        [None if math.isnan(bar[2]) else tuple(float(value) for value in bar) for bar in columns],
        [None if math.isnan(close) else float(close) for close in panel.benchmark],
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(30, 320), st.integers(0, 5))
def test_invariants(seed: int, count: int, missing: int) -> None:
    panel = random_panel(seed, count)
    panel.close[0, np.random.default_rng(seed).integers(0, count, missing)] = np.nan
    features = etf_features(panel)

    parts = features[[component.contribution for component in COMPONENTS]]
    known = features["composite_z"].notna()
    assert (parts[known].sum(axis=1) - features["composite_z"][known]).abs().max() <= 1e-12 or not known.any()
    assert parts[~known].isna().all(axis=None)
    # Each part is its weight of its score, scaled up where a component is missing.
    for component in COMPONENTS:
        weighted = component.percent / 100 * features[component.z] / features["weight_known"]
        assert np.allclose(features[component.contribution][known], weighted[known], rtol=1e-12, equal_nan=True)
    assert (features["weight_known"][known] >= 0.8).all()
    for name, low, high in (("rsi14", 0, 100), ("bb_pctb_20", 0, 1), ("corr_spy_252d", -1, 1), ("weight_known", 0, 1)):
        assert features[name].dropna().between(low, high).all()
    assert (features["atr14"].dropna() >= 0).all()
    # A z-score of n values with ddof=1 is at most (n-1)/sqrt(n).
    for horizon, window in HORIZONS.items():
        scores = features.loc[features["horizon"] == horizon, [component.z for component in COMPONENTS]].abs()
        assert not (scores > (window - 1) / math.sqrt(window) + 1e-9).any(axis=None)
    for _, of_session in features.sample(5, random_state=0).iterrows():
        reasons(of_session)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(0, 30))
def test_a_later_bar_changes_no_row(seed: int, later: int, missing: int) -> None:
    panel = random_panel(seed, 420, symbols=2)
    panel.close[1, np.random.default_rng(seed).integers(0, 420, missing)] = np.nan
    whole = etf_features(panel)
    known = etf_features(cut(panel, slice(0, 420 - later)))

    pd.testing.assert_frame_equal(whole.head(len(known)), known, check_exact=True)
    # The whole history in one run, and each session alone.
    last = etf_features(cut(panel, slice(0, 420 - later)), last=1)
    pd.testing.assert_frame_equal(known.tail(len(last)).reset_index(drop=True), last, check_exact=True)


def test_older_history_than_a_row_sees_changes_nothing() -> None:
    panel = random_panel(11, 900, symbols=3)
    panel.close[1, 120:160] = np.nan
    # Its last 253 bars reach further back than a row sees.
    panel.close[2, ::2] = np.nan
    first_session = panel.sessions[-5]
    begin = next(place for place, day in enumerate(panel.sessions) if day >= first_day_seen(first_session))
    assert begin > 100

    short = etf_features(cut(panel, slice(begin, None)), last=5)
    pd.testing.assert_frame_equal(etf_features(panel, last=5), short, check_exact=True)
    # That the limit is no larger than it has to be: half a year later something is missing.
    shorter = etf_features(cut(panel, slice(begin + 130, None)), last=5)
    assert not shorter[NAMES].equals(short[NAMES])
    assert reasons(row(short, "S2"))["beta_spy_252d"] == "SHORT_HISTORY"


@pytest.mark.parametrize(
    ("session", "first"),
    [
        # 256 sessions before: mid-August 2025, June 2025, June 2025, and 23 December 2024.
        (date(2026, 8, 21), date(2024, 1, 1)),
        (date(2026, 7, 1), date(2023, 7, 1)),
        (date(2026, 6, 30), date(2023, 7, 1)),
        (date(2026, 1, 2), date(2023, 1, 1)),
    ],
)
def test_the_first_day_seen_is_that_of_the_oldest_indicator_of_its_window(session: date, first: date) -> None:
    assert first_day_seen(session) == first


@given(st.sampled_from([2.0, 0.25, 1024.0]))
@settings(max_examples=3, deadline=None)
def test_another_currency_scales_prices_only(factor: float) -> None:
    panel = random_panel(5, 420)
    scaled = etf_features(panel_of(panel.close * factor, panel.sessions, benchmark=panel.benchmark * 3))
    features = etf_features(panel)

    for name in NAMES:
        expected = features[name] * (factor if name in {*IN_PRICE_UNITS, "vol_dollar_20d"} else 1)
        assert np.allclose(scaled[name], expected, rtol=1e-9, atol=1e-9, equal_nan=True), name


def test_a_session_before_a_split_is_in_its_own_shares() -> None:
    panel = random_panel(9, 420)
    # 2 for 1 between the last two sessions: adjusted for it, the session before is at half its price.
    before = etf_features(cut(panel, slice(0, -1)), last=1)
    halved = Panel(
        symbols=panel.symbols,
        sessions=panel.sessions,
        high=panel.high / 2,
        low=panel.low / 2,
        close=panel.close / 2,
        volume=panel.volume * 2,
        benchmark=panel.benchmark,
    )
    after = etf_features(halved, last=2, splits={"S0": {LAST: 0.5}})

    pd.testing.assert_frame_equal(after.head(3), before, check_exact=False, rtol=1e-12)
    assert row(after)["ma200"] == pytest.approx(row(etf_features(panel, last=1))["ma200"] / 2)


def test_the_benchmark_beside_itself() -> None:
    closes = walk(2, 420)
    of_session = row(etf_features(panel_of(closes, sessions_up_to(420)), last=1))

    assert (of_session["rs_spy_30d"], of_session["rs_spy_90d"], of_session["beta_spy_252d"]) == (0, 0, 1)
    assert of_session["corr_spy_252d"] == pytest.approx(1, abs=1e-15)


def test_beta_and_correlation_of_a_leveraged_symbol() -> None:
    market = walk(4, 300)[0]
    twice = 20 * (market / market[0]) ** -2
    of_session = row(etf_features(panel_of(twice, sessions_up_to(300), benchmark=market), last=1))

    # Log returns are minus two times the benchmark's.
    assert of_session["beta_spy_252d"] == pytest.approx(-2)
    assert of_session["corr_spy_252d"] == pytest.approx(-1)
    assert of_session["rs_spy_30d"] == pytest.approx(twice[-1] / twice[-31] - market[-1] / market[-31])


def test_a_steady_climb() -> None:
    # 1, 2, 3, ... 60: only gains, a range of 1 a day, means in the middle of their windows.
    close = np.arange(1.0, 61.0)
    panel = panel_of(close, sessions_up_to(60))
    panel = Panel(**{**vars(panel), "high": panel.close, "low": panel.close})
    of_session = row(etf_features(panel, last=1))

    assert of_session["rsi14"] == 100
    assert of_session["atr14"] == pytest.approx(1)
    assert of_session["ma50"] == pytest.approx(35.5)
    assert of_session["mom_5d"] == pytest.approx(60 / 55 - 1)
    # An exponential average of a line is late by half its length: (12 - 1) / 2 and (26 - 1) / 2 bars.
    assert of_session["macd"] == pytest.approx(7)
    assert of_session["macd_signal"] == pytest.approx(7)
    # 20 consecutive numbers: sigma^2 = (20^2 - 1) / 12, the last 9.5 above the mean.
    sigma = math.sqrt(399 / 12)
    assert of_session["bb_pctb_20"] == pytest.approx((9.5 + 2 * sigma) / (4 * sigma))
    told = reasons(of_session)
    # RSI, MACD and their scores stand still: nothing to divide by.
    assert {told[name] for name in ("rsi_z", "macd_z", "bb_pctb_z", "composite_z")} == {"FLAT_HISTORY"}
    assert {told[name] for name in ("ma200", "ma_gap_pct", "ma_gap_z", "beta_spy_252d")} == {"SHORT_HISTORY"}
    assert {told[name] for name in ("dz1", "dz5", "mom_5d_contribution")} == {"NO_COMPOSITE"}


def test_percent_b_is_clamped() -> None:
    close = np.full(40, 100.0) + np.arange(40) % 2
    crash, leap = close.copy(), close.copy()
    crash[-1], leap[-1] = 50, 200
    features = etf_features(panel_of(np.stack([crash, leap]), sessions_up_to(40)), last=1)

    assert row(features, "S0")["bb_pctb_20"] == 0
    assert row(features, "S1")["bb_pctb_20"] == 1


@pytest.mark.parametrize("count", [1, 2, 14, 25, 39, 40, 41, 59, 199, 200, 213, 252, 253])
def test_a_short_history(count: int) -> None:
    of_session = row(etf_features(random_panel(3, count), last=1))
    told = reasons(of_session)

    for name, needed in (
        ("rsi14", 15), ("atr14", 15), ("bb_pctb_20", 20), ("vol_dollar_20d", 20), ("macd", 26), ("macd_signal", 34),
        ("rs_spy_30d", 31), ("ma50", 50), ("rs_spy_90d", 91), ("ma200", 200), ("ma_gap_pct", 200),
        ("beta_spy_252d", 253), ("corr_spy_252d", 253),
        # 15 values of the indicator; all components but the averages' gap make a composite.
        ("rsi_z", 29), ("macd_z", 40), ("composite_z", 40), ("dz1", 41), ("dz5", 45), ("ma_gap_z", 214),
    ):  # fmt: skip
        assert (name not in told) == (count >= needed), name
        assert told.get(name) in {None, "SHORT_HISTORY", "NO_COMPOSITE"}
    assert (of_session["weight_known"] == 1) == (count >= 214)
    if 40 <= count < 214:
        assert of_session["weight_known"] == 0.8
        assert told["ma_gap_contribution"] == "SHORT_HISTORY"
        assert of_session["z_values"] == min(count - 25, 60)


def test_a_component_that_joins_is_no_change_of_the_composite() -> None:
    features = etf_features(random_panel(3, 220))
    sessions = sessions_up_to(220)

    # The 214th session has 15 values of the averages' gap.
    joined = row(features, session=sessions[213])
    assert (reasons(joined)["dz1"], reasons(joined)["dz5"]) == ("OTHER_COMPONENTS", "OTHER_COMPONENTS")
    assert not {"dz1", "dz5"} & set(reasons(row(features, session=sessions[212])))
    assert reasons(row(features, session=sessions[214])).get("dz5") == "OTHER_COMPONENTS"
    assert "dz1" not in reasons(row(features, session=sessions[214]))
    assert "dz5" not in reasons(row(features, session=sessions[218]))


@pytest.mark.parametrize("price", [100.0, 33.3, 0.07])
@pytest.mark.parametrize("moved", [False, True])
def test_a_price_that_stands_still(price: float, moved: bool) -> None:
    close = np.full(500, price)
    if moved:
        close[:100] = walk(1, 100)[0]
    market = walk(8, 500)[0]
    of_session = row(etf_features(panel_of(close, sessions_up_to(500), benchmark=market), last=1))
    told = reasons(of_session)

    assert {told[component.z] for component in COMPONENTS} == {"FLAT_HISTORY"}
    assert (told["composite_z"], told["bb_pctb_20"], told["corr_spy_252d"]) == ("FLAT_HISTORY",) * 3
    assert (told["dz1"], told["dz5"]) == ("NO_COMPOSITE",) * 2
    assert moved or told["rsi14"] == "FLAT_HISTORY"
    assert (of_session["weight_known"], of_session["z_values"]) == (0, 0)
    assert of_session["beta_spy_252d"] == 0
    assert (of_session["mom_5d"], of_session["ma_gap_pct"]) == (0, pytest.approx(0, abs=1e-12))
    assert of_session["rs_spy_30d"] == pytest.approx(1 - market[-1] / market[-31])


def test_a_symbol_without_bars() -> None:
    nothing = np.full(300, np.nan)
    features = etf_features(panel_of(nothing, sessions_up_to(300), benchmark=walk(1, 300)[0]), last=2)

    assert len(features) == 6
    for _, of_session in features.iterrows():
        assert set(reasons(of_session).values()) == {"NO_BAR"}
        assert of_session["weight_known"] == 0


def test_a_benchmark_without_bars() -> None:
    panel = random_panel(6, 420)
    with_benchmark = row(etf_features(panel, last=1))
    of_session = row(etf_features(Panel(**{**vars(panel), "benchmark": np.full(420, np.nan)}), last=1))
    lost = ["rs_spy_30d", "rs_spy_90d", "beta_spy_252d", "corr_spy_252d"]

    assert reasons(of_session) == dict.fromkeys(lost, "NO_BENCHMARK")
    kept = [name for name in NAMES if name not in lost]
    assert of_session[kept].equals(with_benchmark[kept])


@pytest.mark.parametrize("name", ["high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_an_unusable_bar_is_none(name: str, value: float) -> None:
    panel = random_panel(6, 420)
    getattr(panel, name)[0, -1] = value
    of_session = row(etf_features(panel, last=1))

    if (name, value) == ("volume", 0.0):
        assert "composite_z" not in reasons(of_session)
    else:
        assert set(reasons(of_session).values()) == {"NO_BAR"}


def test_a_missing_day() -> None:
    panel = random_panel(6, 420)
    panel.close[0, 400] = np.nan
    features = etf_features(panel, last=25)
    days = panel.sessions

    assert set(reasons(row(features, session=days[400])).values()) == {"NO_BAR"}
    # What compares two sessions is unknown where one of them is missing; averages go on without it.
    after = reasons(row(features, session=days[401]))
    assert after == {"dz1": "NO_COMPOSITE", "vol_dollar_20d": "GAP_IN_BARS"}
    assert reasons(row(features, session=days[405])) == {"dz5": "NO_COMPOSITE", "vol_dollar_20d": "GAP_IN_BARS"}
    assert reasons(row(features, session=days[402])) == {"vol_dollar_20d": "GAP_IN_BARS"}
    assert row(features, session=days[402])["z_values"] == 59
    assert row(features, session=days[402], horizon="20D")["z_values"] == 19


def test_a_missing_day_thirty_sessions_ago() -> None:
    panel = random_panel(6, 420)
    panel.close[0, 389] = np.nan
    panel.benchmark[329] = np.nan
    told = reasons(row(etf_features(panel, last=1)))

    assert told == {"rs_spy_30d": "GAP_IN_BARS", "rs_spy_90d": "NO_BENCHMARK"}


def test_a_benchmark_too_young_for_beta() -> None:
    panel = random_panel(6, 420)
    panel.benchmark[:200] = np.nan
    assert reasons(row(etf_features(panel, last=1))) == dict.fromkeys(
        ("beta_spy_252d", "corr_spy_252d"), "NO_BENCHMARK"
    )


def test_panels_that_do_not_fit() -> None:
    panel = random_panel(6, 30)
    with pytest.raises(ValueError, match="31 sessions of a panel that has 30"):
        etf_features(panel, last=31)
    with pytest.raises(ValueError, match="must all have the shape"):
        Panel(**{**vars(panel), "close": panel.close[:, 1:]})
    with pytest.raises(ValueError, match="benchmark has closes"):
        Panel(**{**vars(panel), "benchmark": panel.benchmark[1:]})
    with pytest.raises(ValueError, match="ascending"):
        Panel(**{**vars(panel), "sessions": panel.sessions[::-1]})
