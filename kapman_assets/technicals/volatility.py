"""Volatility: true range, bands and channels around the price, and the depth of its falls."""

import numpy as np
import talib

from kapman_assets.technicals.bars import Bars, Bools, Floats, is_flat, known_where, ratio

_BANDS = 20
_ULCER = 14


def outputs(bars: Bars) -> dict[str, Floats]:
    """The 21 outputs of the family, one value a bar."""
    return {
        "average_true_range": average_true_range(bars),
        **_bollinger(bars),
        **_donchian(bars),
        **_keltner(bars),
        "ulcer_index": _ulcer_index(bars.close),
    }


def average_true_range(bars: Bars) -> Floats:
    """Wilder's average of the true range over 14 bars, USD a share."""
    values: Floats = talib.ATR(bars.high, bars.low, bars.close, 14)
    return values


def bollinger_bands(close: Floats) -> tuple[Floats, Floats, Floats]:
    """Upper, middle and lower band: mean of 20 closes and two standard deviations (ddof=0) on each side."""
    upper, middle, lower = talib.BBANDS(close, _BANDS, 2, 2)
    flat = is_flat(close, close, _BANDS)
    # The mean of equal closes is that close, and no close may cross a band by rounding.
    return np.where(flat, close, upper), np.where(flat, close, middle), np.where(flat, close, lower)


def width(upper: Floats, middle: Floats, lower: Floats) -> Floats:
    """Width of a band in percent of its middle."""
    return 100 * ratio(upper - lower, middle)


def _bollinger(bars: Bars) -> dict[str, Floats]:
    upper, middle, lower = bollinger_bands(bars.close)
    return {
        "bollinger_hband": upper,
        "bollinger_lband": lower,
        "bollinger_mavg": middle,
        "bollinger_pband": ratio(bars.close - lower, upper - lower),
        "bollinger_wband": width(upper, middle, lower),
        "bollinger_hband_indicator": _flag(bars.close > upper, upper),
        "bollinger_lband_indicator": _flag(bars.close < lower, lower),
    }


def _donchian(bars: Bars) -> dict[str, Floats]:
    upper, lower = talib.MAX(bars.high, _BANDS), talib.MIN(bars.low, _BANDS)
    return {
        "donchian_channel_hband": upper,
        "donchian_channel_lband": lower,
        "donchian_channel_mband": (upper + lower) / 2,
        "donchian_channel_pband": ratio(bars.close - lower, upper - lower),
        "donchian_channel_wband": width(upper, talib.SMA(bars.close, _BANDS), lower),
    }


def _keltner(bars: Bars) -> dict[str, Floats]:
    """Keltner's own channel (1960): the mean typical price, and the mean range on each side of it."""
    flat = is_flat(bars.high, bars.low, _BANDS)
    middle = np.where(flat, bars.close, talib.SMA((bars.high + bars.low + bars.close) / 3, _BANDS))
    half = np.where(flat, 0.0, talib.SMA(bars.high - bars.low, _BANDS))
    upper, lower = middle + half, middle - half
    return {
        "keltner_channel_hband": upper,
        "keltner_channel_lband": lower,
        "keltner_channel_mband": middle,
        "keltner_channel_pband": ratio(bars.close - lower, upper - lower),
        "keltner_channel_wband": width(upper, middle, lower),
        "keltner_channel_hband_indicator": _flag(bars.close > upper, upper),
        "keltner_channel_lband_indicator": _flag(bars.close < lower, lower),
    }


def _flag(condition: Bools, known: Floats) -> Floats:
    """1 where the condition holds, 0 where not, NaN where the band is unknown."""
    return known_where(~np.isnan(known), condition.astype(np.float64))


def _ulcer_index(close: Floats) -> Floats:
    """Martin (1987): root mean square of the percentages below the highest close of 14 bars, over 14 bars."""
    highest = talib.MAX(close, _ULCER)
    below = 100 * (close - highest) / highest
    mean_square = talib.SMA(below * below, _ULCER)
    # Without a fall in the window the running sum keeps a rounding, above or below zero.
    return np.where(talib.MIN(below, _ULCER) == 0, 0.0, np.sqrt(np.maximum(mean_square, 0.0)))
