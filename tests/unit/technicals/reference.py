"""The 84 outputs as the library `ta` 0.11.0 calculates them: the names and parameters come from there."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from ta import momentum, others, trend, volatility, volume

from kapman_assets.technicals.bars import Bars, Floats


def reference(bars: Bars) -> dict[str, Floats]:
    """Every output of `ta` with `fillna=False` and the parameters of the seed."""
    index = pd.RangeIndex(len(bars))
    h, low, c, v = (pd.Series(values, index) for values in (bars.high, bars.low, bars.close, bars.volume))
    bollinger = volatility.BollingerBands(c, 20, 2)
    donchian = volatility.DonchianChannel(h, low, c, 20)
    keltner = volatility.KeltnerChannel(h, low, c, 20, 10)
    adx = trend.ADXIndicator(h, low, c, 14)
    aroon = trend.AroonIndicator(h, low, 25)
    ichimoku = trend.IchimokuIndicator(h, low, 9, 26, 52)
    kst = trend.KSTIndicator(c)
    macd = trend.MACD(c, 26, 12, 9)
    psar = trend.PSARIndicator(h, low, c, 0.02, 0.2)
    vortex = trend.VortexIndicator(h, low, c, 14)
    ppo = momentum.PercentagePriceOscillator(c, 26, 12, 9)
    pvo = momentum.PercentageVolumeOscillator(v, 26, 12, 9)
    stochrsi = momentum.StochRSIIndicator(c, 14, 3, 3)
    stoch = momentum.StochasticOscillator(h, low, c, 14, 3)
    ease = volume.EaseOfMovementIndicator(h, low, v, 14)
    outputs: dict[str, Callable[[], pd.Series]] = {
        "awesome_oscillator": lambda: momentum.awesome_oscillator(h, low, 5, 34),
        "kama": lambda: momentum.kama(c, 10, 2, 30),
        "roc": lambda: momentum.roc(c, 12),
        "rsi": lambda: momentum.rsi(c, 14),
        "tsi": lambda: momentum.tsi(c, 25, 13),
        "ultimate_oscillator": lambda: momentum.ultimate_oscillator(h, low, c, 7, 14, 28),
        "williams_r": lambda: momentum.williams_r(h, low, c, 14),
        "average_true_range": lambda: volatility.average_true_range(h, low, c, 14),
        "ulcer_index": lambda: volatility.ulcer_index(c, 14),
        "cci": lambda: trend.cci(h, low, c, 20, 0.015),
        "dpo": lambda: trend.dpo(c, 20),
        "ema_indicator": lambda: trend.ema_indicator(c, 14),
        "mass_index": lambda: trend.mass_index(h, low, 9, 25),
        "sma_indicator": lambda: trend.sma_indicator(c, 14),
        "stc": lambda: trend.stc(c, 50, 23, 10, 3, 3),
        "trix": lambda: trend.trix(c, 15),
        "wma": lambda: trend.wma_indicator(c, 9),
        "acc_dist_index": lambda: volume.acc_dist_index(h, low, c, v),
        "chaikin_money_flow": lambda: volume.chaikin_money_flow(h, low, c, v, 20),
        "force_index": lambda: volume.force_index(c, v, 13),
        "money_flow_index": lambda: volume.money_flow_index(h, low, c, v, 14),
        "negative_volume_index": lambda: volume.negative_volume_index(c, v),
        "on_balance_volume": lambda: volume.on_balance_volume(c, v),
        "volume_price_trend": lambda: volume.volume_price_trend(c, v),
        "volume_weighted_average_price": lambda: volume.volume_weighted_average_price(h, low, c, v, 14),
        "cumulative_return": lambda: others.cumulative_return(c),
        "daily_log_return": lambda: others.daily_log_return(c),
        "daily_return": lambda: others.daily_return(c),
    }
    # The others are methods of the same names.
    for indicator in (
        bollinger, donchian, keltner, adx, aroon, ichimoku, kst, macd, psar, vortex, ppo, pvo, stochrsi, stoch, ease,
    ):  # fmt: skip
        for name in dir(indicator):
            if not name.startswith("_"):
                outputs[name] = getattr(indicator, name)
    return {name: np.asarray(output(), dtype=np.float64) for name, output in outputs.items()}
