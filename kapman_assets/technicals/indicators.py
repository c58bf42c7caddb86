"""All indicators of one name: the 84 outputs by their names, and the technical columns of a snapshot.

A value uses bars up to its own only, so that the one on bar t is the same on a history that ends there. The formulas
are in the modules of the families; how they stand to the library that the names come from is in docs/indicators.md.
"""

from collections.abc import Callable, Mapping

import numpy as np
import talib

from kapman_assets.technicals import momentum, trend, volatility, volume
from kapman_assets.technicals.bars import Bars, Floats, ratio

INDICATORS: tuple[str, ...] = (
    # momentum
    "awesome_oscillator", "kama", "ppo", "ppo_signal", "ppo_hist", "pvo", "pvo_signal", "pvo_hist", "roc", "rsi",
    "stochrsi", "stochrsi_k", "stochrsi_d", "stoch", "stoch_signal", "tsi", "ultimate_oscillator", "williams_r",
    # volatility
    "average_true_range",
    "bollinger_hband", "bollinger_lband", "bollinger_mavg", "bollinger_pband", "bollinger_wband",
    "bollinger_hband_indicator", "bollinger_lband_indicator",
    "donchian_channel_hband", "donchian_channel_lband", "donchian_channel_mband", "donchian_channel_pband",
    "donchian_channel_wband",
    "keltner_channel_hband", "keltner_channel_lband", "keltner_channel_mband", "keltner_channel_pband",
    "keltner_channel_wband", "keltner_channel_hband_indicator", "keltner_channel_lband_indicator",
    "ulcer_index",
    # trend
    "adx", "adx_pos", "adx_neg", "aroon_up", "aroon_down", "aroon_indicator", "cci", "dpo", "ema_indicator",
    "ichimoku_conversion_line", "ichimoku_base_line", "ichimoku_a", "ichimoku_b", "kst", "kst_sig", "kst_diff",
    "macd", "macd_signal", "macd_diff", "mass_index",
    "psar", "psar_up", "psar_down", "psar_up_indicator", "psar_down_indicator",
    "sma_indicator", "stc", "trix", "vortex_indicator_pos", "vortex_indicator_neg", "vortex_indicator_diff", "wma",
    # volume
    "acc_dist_index", "chaikin_money_flow", "ease_of_movement", "sma_ease_of_movement", "force_index",
    "money_flow_index", "negative_volume_index", "on_balance_volume", "volume_price_trend",
    "volume_weighted_average_price",
    # others
    "cumulative_return", "daily_log_return", "daily_return",
)  # fmt: skip

COLUMNS: tuple[str, ...] = (
    "rsi_14", "macd_line", "macd_signal", "macd_histogram", "stoch_k", "stoch_d", "mfi_14",
    "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "adx_14",
    "atr_14", "bbands_upper", "bbands_middle", "bbands_lower", "bbands_width",
    "obv", "vwap", "price_vs_sma20", "price_vs_sma50", "price_vs_sma200",
)  # fmt: skip
"""The technical columns of a snapshot (v2.0 §5.3)."""


def indicators(bars: Bars) -> dict[str, Floats]:
    """The outputs of `INDICATORS`, each with one value a bar.

    A bar without positive prices and a known volume has no values, and counts as absent for the others. Where a window
    is not full, or a formula divides by zero, the value is NaN: `reasons` says why.
    """
    return _on_complete(bars, INDICATORS, _indicators)


def columns(bars: Bars) -> dict[str, Floats]:
    """The columns of `COLUMNS`, each with one value a bar; `indicators` says of which bars.

    Prices and averages are USD a share, `bbands_width` and `price_vs_*` percent, `obv` shares.
    """
    return _on_complete(bars, COLUMNS, _columns)


def common_columns(bars: Bars) -> dict[str, Floats]:
    """The columns that the universe has too, of complete bars; numpy's warnings are left to the caller."""
    close = bars.close
    fast, slow = talib.EMA(close, 12), talib.EMA(close, 26)
    line, signal, histogram = momentum.macd(fast, slow)
    percent_k, percent_d = momentum.stochastic(bars)
    upper, middle, lower = volatility.bollinger_bands(close)
    return {
        "rsi_14": momentum.rsi(close),
        "macd_line": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "stoch_k": percent_k,
        "stoch_d": percent_d,
        "mfi_14": volume.money_flow_index(bars),
        "sma_20": middle,
        "sma_50": talib.SMA(close, 50),
        "sma_200": talib.SMA(close, 200),
        "ema_12": fast,
        "ema_26": slow,
        "adx_14": trend.directional_index(bars),
        "atr_14": volatility.average_true_range(bars),
        "bbands_upper": upper,
        "bbands_middle": middle,
        "bbands_lower": lower,
        "bbands_width": volatility.width(upper, middle, lower),
    }


def _on_complete(
    bars: Bars, names: tuple[str, ...], calculate: Callable[[Bars], Mapping[str, Floats]]
) -> dict[str, Floats]:
    complete = bars.are_complete
    if not complete.any():
        return {name: np.full(len(bars), np.nan) for name in names}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if complete.all():
            values = calculate(bars)
            return {name: values[name] for name in names}
        values = calculate(bars[complete])
    result = {name: np.full(len(bars), np.nan) for name in names}
    for name in names:
        result[name][complete] = values[name]
    return result


def _indicators(bars: Bars) -> dict[str, Floats]:
    return {
        **momentum.outputs(bars),
        **volatility.outputs(bars),
        **trend.outputs(bars),
        **volume.outputs(bars),
        **volume.returns(bars.close),
    }


def _columns(bars: Bars) -> dict[str, Floats]:
    common = common_columns(bars)
    return {
        **common,
        "obv": volume.on_balance_volume(bars),
        "vwap": bars.vwap,
        **{f"price_vs_sma{n}": 100 * (ratio(bars.close, common[f"sma_{n}"]) - 1) for n in (20, 50, 200)},
    }
