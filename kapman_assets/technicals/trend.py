"""Trend: averages, their differences, direction and age of a movement, the parabolic stop."""

from collections.abc import Iterable

import numpy as np
import talib

from kapman_assets.technicals.bars import Bars, Floats, earlier, has_been, is_flat, known_where, ratio
from kapman_assets.technicals.momentum import macd

_SMA = 14
"""The first of the four windows that the seed lists for its one `sma_indicator`; 20, 50 and 200 have columns."""

_AROON, _CCI, _DIRECTION = 25, 20, 14
_KST = ((10, 10, 1), (15, 10, 2), (20, 10, 3), (30, 15, 4))
"""Pring's rates of change: bars, bars of the mean over them, weight."""


def outputs(bars: Bars) -> dict[str, Floats]:
    """The 32 outputs of the family, one value a bar."""
    high, low, close = bars.high, bars.low, bars.close
    aroon_down, aroon_up = talib.AROON(high, low, _AROON)
    line, signal, histogram = macd(talib.EMA(close, 12), talib.EMA(close, 26))
    typical = (high + low + close) / 3
    return {
        "adx": directional_index(bars),
        **_directional_lines(bars),
        "aroon_up": aroon_up,
        "aroon_down": aroon_down,
        "aroon_indicator": aroon_up - aroon_down,
        "cci": known_where(~is_flat(typical, typical, _CCI), talib.CCI(high, low, close, _CCI)),
        # The close 11 bars ago less the mean of the last 20: nothing is drawn back in time.
        "dpo": talib.DPO(close, 20),
        "ema_indicator": talib.EMA(close, 14),
        **_ichimoku(bars),
        **_know_sure_thing(close),
        "macd": line,
        "macd_signal": signal,
        "macd_diff": histogram,
        "mass_index": _mass_index(high - low),
        **_parabolic_stop(bars),
        "sma_indicator": talib.SMA(close, _SMA),
        "stc": _schaff_trend_cycle(close),
        "trix": talib.TRIX(close, 15),
        **_vortex(bars),
        "wma": talib.WMA(close, 9),
    }


def directional_index(bars: Bars) -> Floats:
    """Wilder's ADX over 14 bars, 0 to 100; NaN until there has been a movement in one direction."""
    columns = (bars.high, bars.low, bars.close)
    lines = talib.PLUS_DI(*columns, _DIRECTION) + talib.MINUS_DI(*columns, _DIRECTION)
    return known_where(has_been(lines > 0), talib.ADX(*columns, _DIRECTION))


def _directional_lines(bars: Bars) -> dict[str, Floats]:
    """Wilder's +DI and -DI over 14 bars, 0 to 100; NaN until there has been a true range."""
    columns = (bars.high, bars.low, bars.close)
    has_range = has_been(talib.TRANGE(*columns) > 0)
    return {
        "adx_pos": known_where(has_range, talib.PLUS_DI(*columns, _DIRECTION)),
        "adx_neg": known_where(has_range, talib.MINUS_DI(*columns, _DIRECTION)),
    }


def _ichimoku(bars: Bars) -> dict[str, Floats]:
    """Hosoda's lines as known on each bar: the spans are not drawn forward."""
    conversion, base, slow = ((talib.MAX(bars.high, n) + talib.MIN(bars.low, n)) / 2 for n in (9, 26, 52))
    return {
        "ichimoku_conversion_line": conversion,
        "ichimoku_base_line": base,
        "ichimoku_a": (conversion + base) / 2,
        "ichimoku_b": slow,
    }


def _know_sure_thing(close: Floats) -> dict[str, Floats]:
    line = _total(weight * talib.SMA(talib.ROC(close, bars), mean) for bars, mean, weight in _KST)
    signal = talib.SMA(line, 9)
    return {"kst": line, "kst_sig": signal, "kst_diff": line - signal}


def _total(terms: Iterable[Floats]) -> Floats:
    return np.asarray(np.add.reduce(list(terms)))


def _mass_index(ranges: Floats) -> Floats:
    """Dorsey (1992): how much the average range over 9 bars exceeds its own average, summed over 25."""
    average = talib.EMA(ranges, 9)
    values: Floats = talib.SUM(ratio(average, talib.EMA(average, 9)), 25)
    return values


def _parabolic_stop(bars: Bars) -> dict[str, Floats]:
    """Wilder's stop and reverse (0.02, 0.2); `up` and `down` hold it while the trend is theirs, flags its turns."""
    # Negative while the trend is down. Until a price has moved there is no trend: the stop would change sides daily.
    signed = talib.SAREXT(bars.high, bars.low)
    signed[~has_been((bars.high > earlier(bars.low)) | (bars.low < earlier(bars.high)))] = np.nan
    stop, is_up, is_down = np.abs(signed), signed > 0, signed < 0
    turned = known_where(~np.isnan(signed) & ~np.isnan(earlier(signed)), np.sign(signed) - np.sign(earlier(signed)))
    return {
        "psar": stop,
        "psar_up": known_where(is_up, stop),
        "psar_down": known_where(is_down, stop),
        "psar_up_indicator": np.where(np.isnan(turned), np.nan, turned > 0),
        "psar_down_indicator": np.where(np.isnan(turned), np.nan, turned < 0),
    }


def _schaff_trend_cycle(close: Floats) -> Floats:
    """Schaff (1999): the place of MACD (23, 50) in its range of 10 bars, smoothed over 3, twice."""
    values = talib.EMA(close, 23) - talib.EMA(close, 50)
    for _ in range(2):
        values = talib.EMA(_place_in_range(values, 10), 3)
    return values


def _place_in_range(values: Floats, window: int) -> Floats:
    """0 to 100; where the window has no range the last place stands, as in Schaff's own code."""
    lowest = talib.MIN(values, window)
    place = 100 * ratio(values - lowest, talib.MAX(values, window) - lowest)
    last_known = np.maximum.accumulate(np.where(np.isnan(place), 0, np.arange(len(place))))
    return np.asarray(place[last_known])


def _vortex(bars: Bars) -> dict[str, Floats]:
    columns = (bars.high, bars.low, bars.close)
    up, down = talib.VORTEX(*columns, 14)
    has_range = talib.MAX(talib.TRANGE(*columns), 14) > 0
    up, down = known_where(has_range, up), known_where(has_range, down)
    return {"vortex_indicator_pos": up, "vortex_indicator_neg": down, "vortex_indicator_diff": up - down}
