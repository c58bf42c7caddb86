"""Seeds and columns against formulas, prefixes, and bars that no formula expects."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.technicals.bars import Bars, Floats
from kapman_assets.technicals.indicators import COLUMNS, INDICATORS, columns, indicators
from kapman_assets.technicals.reasons import BARS_NEEDED, Missing, Reason, null_reasons
from tests.unit.technicals.series import cent_bars, random_bars

SAME = {
    "rsi_14": "rsi",
    "macd_line": "macd",
    "macd_signal": "macd_signal",
    "macd_histogram": "macd_diff",
    "stoch_k": "stoch",
    "stoch_d": "stoch_signal",
    "mfi_14": "money_flow_index",
    "sma_20": "bollinger_mavg",
    "adx_14": "adx",
    "atr_14": "average_true_range",
    "bbands_upper": "bollinger_hband",
    "bbands_middle": "bollinger_mavg",
    "bbands_lower": "bollinger_lband",
    "bbands_width": "bollinger_wband",
    "obv": "on_balance_volume",
}


def everything(bars: Bars) -> dict[str, Floats]:
    """All outputs and columns; a warning is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {**columns(bars), **indicators(bars)}


def flat(count: int, price: float = 33.33, volume: float = 1000.0) -> Bars:
    prices = dict.fromkeys(("open", "high", "low", "close"), np.full(count, price))
    return Bars.of(**prices, volume=np.full(count, volume))


def joined(*parts: Bars) -> Bars:
    names = ("open", "high", "low", "close", "volume", "vwap")
    return Bars.of(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def reasons_of_last(bars: Bars) -> dict[str, Missing]:
    values = everything(bars)
    return null_reasons([name for name, array in values.items() if np.isnan(array[-1])], bars.volume)


# --- Values ---------------------------------------------------------------------------------------------------


def test_relative_strength_of_the_published_example() -> None:
    # StockCharts, "Relative Strength Index": closes of QQQQ from 2009-12-14 and their RSI to two places.
    closes = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328,
        45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122,
    ]  # fmt: skip
    bars = Bars.of(open=closes, high=closes, low=closes, close=closes, volume=np.ones(len(closes)))

    assert indicators(bars)["rsi"][14:] == pytest.approx([70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93], abs=6e-3)


def averaged(values: list[float], seed_bars: int, weight: float) -> list[float]:
    """Recursive average from a mean of the first values."""
    result = [math.fsum(values[:seed_bars]) / seed_bars]
    for value in values[seed_bars:]:
        result.append(result[-1] + weight * (value - result[-1]))
    return result


def test_averages_begin_with_a_mean() -> None:
    bars = random_bars(5, 60)
    values = everything(bars)
    closes = bars.close.tolist()
    ranges = [max(bars.high[k], closes[k - 1]) - min(bars.low[k], closes[k - 1]) for k in range(1, len(bars))]

    assert values["ema_12"][11:] == pytest.approx(averaged(closes, 12, 2 / 13), rel=1e-12)
    assert values["ema_26"][25:] == pytest.approx(averaged(closes, 26, 2 / 27), rel=1e-12)
    line = (values["ema_12"] - values["ema_26"])[25:].tolist()
    assert values["macd_line"][25:] == pytest.approx(line, rel=1e-12)
    assert values["macd_signal"][33:] == pytest.approx(averaged(line, 9, 2 / 10), rel=1e-9)
    assert values["atr_14"][14:] == pytest.approx(averaged(ranges, 14, 1 / 14), rel=1e-12)


def test_columns_are_the_outputs_under_their_names() -> None:
    bars = random_bars(6, 260)
    values = everything(bars)

    assert tuple(columns(bars)) == COLUMNS
    assert tuple(indicators(bars)) == INDICATORS
    for column, output in SAME.items():
        assert np.array_equal(columns(bars)[column], values[output], equal_nan=True), column
    for window in (50, 200):
        mean = values[f"sma_{window}"]
        assert mean[-1] == pytest.approx(math.fsum(bars.close[-window:]) / window, rel=1e-12)
        assert values[f"price_vs_sma{window}"][-1] == pytest.approx((bars.close[-1] / mean[-1] - 1) * 100)
    assert values["price_vs_sma20"][-1] == pytest.approx((bars.close[-1] / values["sma_20"][-1] - 1) * 100)
    assert np.isnan(values["vwap"]).all()


def test_vwap_is_the_bars_own() -> None:
    bars = random_bars(7, 30)
    given = Bars.of(
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        vwap=[np.nan, *bars.close[1:]],
    )

    values = columns(given)["vwap"]
    assert math.isnan(values[0])
    assert values[1:].tolist() == bars.close[1:].tolist()


def test_each_output_needs_as_many_bars_as_it_says() -> None:
    values = everything(random_bars(8, 260))

    for name in COLUMNS:
        if name != "vwap":
            assert np.flatnonzero(~np.isnan(values[name]))[0] + 1 == BARS_NEEDED[name], name


def test_the_parabolic_stop_is_on_one_side() -> None:
    bars = random_bars(9, 300)
    values = everything(bars)
    up, down = values["psar_up"], values["psar_down"]

    assert (np.isnan(up[1:]) != np.isnan(down[1:])).all()
    assert np.array_equal(np.where(np.isnan(up), down, up), values["psar"], equal_nan=True)
    # A stop under a rising price is at most the lows of its own bar and of both before it, above a falling one alike.
    # The first bar of all only gives the first trend.
    lows = np.minimum(np.minimum(bars.low[3:], bars.low[2:-1]), bars.low[1:-2])
    highs = np.maximum(np.maximum(bars.high[3:], bars.high[2:-1]), bars.high[1:-2])
    steady = values["psar_up_indicator"][3:] + values["psar_down_indicator"][3:] == 0
    assert (up[3:] <= lows)[steady & ~np.isnan(up[3:])].all()
    assert (down[3:] >= highs)[steady & ~np.isnan(down[3:])].all()
    turns = np.isnan(up[2:]) & ~np.isnan(up[1:-1])
    assert np.array_equal(values["psar_down_indicator"][2:], turns.astype(float))


def test_a_cycle_keeps_its_place_where_the_range_is_zero() -> None:
    # A steady growth raises MACD on every bar: its place is 100 until the smoothed place is too, and has no range.
    past = random_bars(17, 150)
    growth = past.close[-1] * 1.01 ** np.arange(1, 201)
    bars = joined(past, Bars.of(**dict.fromkeys(("open", "high", "low", "close"), growth), volume=np.ones(200)))
    values = everything(bars)["stc"]

    assert not np.isnan(values[71:]).any()
    assert values[-100:] == pytest.approx(np.full(100, 100.0))


# --- Prefixes -------------------------------------------------------------------------------------------------


@st.composite
def strange_bars(draw: st.DrawFn) -> Bars:
    """Random or cent bars with a flat stretch, a jump, days without volume, and lost values."""
    kind: Callable[[int, int], Bars] = draw(st.sampled_from((random_bars, cent_bars)))
    bars = kind(draw(st.integers(0, 2**16)), draw(st.integers(1, 280)))
    values = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    begin, length = draw(st.integers(0, 280)), draw(st.integers(0, 60))
    stretch = slice(begin, begin + length)
    match draw(st.sampled_from(("nothing", "flat", "jump", "idle", "lost"))):
        case "flat":
            for name in ("open", "high", "low", "close"):
                values[name][stretch] = 12.34
        case "jump":
            for name in ("open", "high", "low", "close"):
                values[name][begin:] *= 5
        case "idle":
            values["volume"][stretch] = 0
        case "lost":
            values[draw(st.sampled_from(sorted(values)))][stretch] = draw(st.sampled_from((np.nan, np.inf, -1.0)))
    return Bars.of(**values)


@settings(max_examples=120, deadline=None)
@given(strange_bars(), st.integers(0, 279))
def test_no_value_depends_on_a_later_bar(bars: Bars, later: int) -> None:
    cut = max(len(bars) - later, 1)
    whole, short = everything(bars), everything(bars[:cut])

    for name, values in whole.items():
        assert np.array_equal(values[:cut], short[name], equal_nan=True), name


@settings(max_examples=60, deadline=None)
@given(strange_bars())
def test_values_are_finite_or_unknown_and_told_why(bars: Bars) -> None:
    values = everything(bars)
    complete = bars.are_complete
    assert not any(np.isinf(array).any() for array in values.values())
    assert all(np.isnan(array[~complete]).all() for array in values.values())
    if complete[-1]:
        unknown = [name for name, array in values.items() if np.isnan(array[-1])]
        assert list(null_reasons(unknown, bars.volume[complete])) == unknown


# --- Bars that no formula expects -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 13, 14, 25, 71, 199])
def test_a_short_history_gives_what_it_can(count: int) -> None:
    bars = random_bars(10, count)
    values = everything(bars)

    known = {name for name, array in values.items() if count and not np.isnan(array[-1])}
    wanted = {name for name in values if BARS_NEEDED[name] <= count} - {"vwap", "psar_up", "psar_down"}
    assert known - {"psar_up", "psar_down"} == wanted
    if count:
        short = {n: m for n, m in reasons_of_last(bars).items() if m.reason is Reason.SHORT_HISTORY}
        assert short == {
            name: Missing(Reason.SHORT_HISTORY, BARS_NEEDED[name], count)
            for name in values
            if BARS_NEEDED[name] > count
        }


def test_a_price_that_never_moves() -> None:
    values = {name: array[-1] for name, array in everything(flat(300)).items()}
    divide = {
        "rsi", "rsi_14", "stochrsi", "stochrsi_k", "stochrsi_d", "stoch", "stoch_signal", "stoch_k", "stoch_d", "tsi",
        "ultimate_oscillator", "williams_r", "bollinger_pband", "donchian_channel_pband", "keltner_channel_pband",
        "adx", "adx_14", "adx_pos", "adx_neg", "cci", "mass_index", "psar", "psar_up", "psar_down",
        "psar_up_indicator", "psar_down_indicator", "stc", "money_flow_index", "mfi_14",
        "vortex_indicator_pos", "vortex_indicator_neg", "vortex_indicator_diff",
    }  # fmt: skip

    reasons = reasons_of_last(flat(300))
    assert reasons.pop("vwap") == Missing(Reason.NO_VWAP)
    assert reasons == dict.fromkeys(divide, Missing(Reason.FLAT_HISTORY))
    for name in (
        "atr_14",
        "ulcer_index",
        "bbands_width",
        "macd_line",
        "kst",
        "trix",
        "force_index",
        "chaikin_money_flow",
    ):
        assert values[name] == pytest.approx(0, abs=1e-9), name
    for name in ("bollinger_hband", "bollinger_lband", "keltner_channel_hband", "keltner_channel_mband"):
        assert values[name] == 33.33, name
    for name in ("bollinger_hband_indicator", "bollinger_lband_indicator", "keltner_channel_hband_indicator"):
        assert values[name] == 0, name


def test_a_price_that_stops_moving() -> None:
    values = everything(joined(random_bars(11, 200), flat(120)))

    # Wilder's averages shrink together: what they say of the last movement stays.
    assert values["rsi"][-1] == pytest.approx(values["rsi"][201], abs=1e-6)
    for name in ("stoch", "cci", "bollinger_pband", "ultimate_oscillator", "vortex_indicator_pos", "stochrsi"):
        assert np.isnan(values[name][-60:]).all(), name
    for name in ("bollinger_hband_indicator", "keltner_channel_lband_indicator", "ulcer_index"):
        assert (values[name][-60:] == 0).all(), name


def test_days_without_volume() -> None:
    bars = random_bars(12, 300)
    idle = Bars.of(open=bars.open, high=bars.high, low=bars.low, close=bars.close, volume=np.zeros(300))
    of_volume = {
        "pvo", "pvo_signal", "pvo_hist", "chaikin_money_flow", "ease_of_movement", "sma_ease_of_movement",
        "money_flow_index", "mfi_14", "volume_weighted_average_price",
    }  # fmt: skip
    told = {name for name, missing in reasons_of_last(idle).items() if missing.reason is Reason.NO_VOLUME}
    assert told == of_volume

    # After a busy past the sums of a quiet window are zero too, whatever rounding left in them.
    quiet = everything(joined(bars, idle[slice(0, 40)]))
    for name in ("chaikin_money_flow", "volume_weighted_average_price", "mfi_14"):
        assert np.isnan(quiet[name][-15:]).all(), name
    assert quiet["obv"][-1] == quiet["obv"][299]


def test_a_penny_stock_of_one_tick() -> None:
    rng = np.random.default_rng(13)
    low = np.full(300, 0.0001)
    close = np.where(rng.random(300) < 0.5, 0.0001, 0.0002)
    bars = Bars.of(open=low, high=low * 2, low=low, close=close, volume=rng.integers(1, 9, 300))
    reasons = reasons_of_last(bars)

    # Highs and lows never move, so that there is no direction to have a strength.
    assert {n for n, m in reasons.items() if m.reason is Reason.FLAT_HISTORY} == {"adx", "adx_14"}
    values = everything(bars)
    assert 0 < values["rsi"][-1] < 100
    assert 0 <= values["mfi_14"][-1] <= 100
    assert values["adx_pos"][-1] == 0


def test_a_day_of_400_percent() -> None:
    before = random_bars(14, 150)
    after = random_bars(15, 150, start=5 * before.close[-1])
    values = everything(joined(before, after))

    assert values["daily_return"][150] == pytest.approx(100 * (after.close[0] / before.close[-1] - 1))
    assert values["daily_return"][150] > 380
    for name in ("rsi", "stoch", "adx", "money_flow_index", "aroon_up", "stc", "ultimate_oscillator"):
        known = values[name][~np.isnan(values[name])]
        assert ((known >= -1e-9) & (known <= 100 + 1e-9)).all(), name


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1.0])
def test_an_incomplete_bar_counts_as_absent(column: str, wrong: float) -> None:
    bars = random_bars(16, 120)
    torn = bars[np.ones(120, dtype=bool)]
    getattr(torn, column)[[40, 41, 119]] = wrong
    kept = np.ones(120, dtype=bool)
    kept[[40, 41, 119]] = False

    values, without = everything(torn), everything(bars[kept])
    for name, array in values.items():
        assert np.isnan(array[~kept]).all()
        assert np.array_equal(array[kept], without[name], equal_nan=True), name


def test_columns_of_one_length() -> None:
    with pytest.raises(ValueError, match="one length"):
        Bars.of(open=[1.0], high=[1.0, 2.0], low=[1.0], close=[1.0], volume=[1.0])
