"""Volume: money that flows in and out, and the returns of the price itself."""

import numpy as np
import talib

from kapman_assets.technicals.bars import Bars, Floats, earlier, known_where, mean_of_known, ratio

_FLOW, _CHAIKIN = 14, 20
_EASE_SCALE = 1e8
"""Arms's unit: 100 million shares."""


def outputs(bars: Bars) -> dict[str, Floats]:
    """The 10 outputs of volume, one value a bar."""
    high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
    typical = (high + low + close) / 3
    moved = (high - earlier(high)) + (low - earlier(low))
    ease = _EASE_SCALE * ratio(moved * (high - low), 2 * volume)
    trend = talib.PVT(close, volume)
    trend[:1] = np.nan
    return {
        "acc_dist_index": talib.AD(high, low, close, volume),
        "chaikin_money_flow": known_where(
            talib.MAX(volume, _CHAIKIN) > 0, talib.CMF(high, low, close, volume, _CHAIKIN)
        ),
        "ease_of_movement": ease,
        "sma_ease_of_movement": mean_of_known(ease, _FLOW),
        "force_index": talib.EFI(close, volume, 13),
        "money_flow_index": money_flow_index(bars),
        "negative_volume_index": talib.NVI(close, volume),
        "on_balance_volume": on_balance_volume(bars),
        "volume_price_trend": trend,
        "volume_weighted_average_price": known_where(
            talib.MAX(volume, _FLOW) > 0, ratio(talib.SUM(typical * volume, _FLOW), talib.SUM(volume, _FLOW))
        ),
    }


def returns(close: Floats) -> dict[str, Floats]:
    """The 3 outputs of the price alone, in percent."""
    before = earlier(close)
    return {
        "cumulative_return": 100 * (close / close[:1] - 1),
        "daily_log_return": 100 * np.log(close / before),
        "daily_return": 100 * (close / before - 1),
    }


def money_flow_index(bars: Bars) -> Floats:
    """Quong and Soudack (1989), 14 bars, 0 to 100; NaN where no volume moved the typical price."""
    typical = (bars.high + bars.low + bars.close) / 3
    has_flow = ((typical != earlier(typical)) & (bars.volume > 0)).astype(np.float64)
    flow = talib.MFI(bars.high, bars.low, bars.close, bars.volume, _FLOW)
    return known_where(talib.MAX(has_flow, _FLOW) > 0, flow)


def on_balance_volume(bars: Bars) -> Floats:
    """Granville (1963): volume added on a rising close, taken on a falling one; shares, from the first bar's volume."""
    values: Floats = talib.OBV(bars.close, bars.volume)
    return values
