"""Momentum: how fast and how one-sidedly prices or volumes move."""

import numpy as np
import talib

from kapman_assets.technicals.bars import (
    Bars,
    Bools,
    Floats,
    earlier,
    has_been,
    is_flat,
    known_where,
    mean_of_known,
    ratio,
)

_FAST, _SLOW, _SIGNAL = 12, 26, 9
_RSI, _STOCHASTIC, _SMOOTH = 14, 14, 3


def outputs(bars: Bars) -> dict[str, Floats]:
    """The 18 outputs of the family, one value a bar."""
    relative_strength = rsi(bars.close)
    raw, slowed, signal = _stochastic_rsi(bars.close, relative_strength)
    percent_k, percent_d = stochastic(bars)
    return {
        "awesome_oscillator": talib.AO(bars.high, bars.low, 5, 34),
        "kama": talib.KAMA(bars.close, 10),
        **_percentage_oscillator("ppo", bars.close),
        **_percentage_oscillator("pvo", bars.volume),
        "roc": talib.ROC(bars.close, 12),
        "rsi": relative_strength,
        "stochrsi": raw,
        "stochrsi_k": slowed,
        "stochrsi_d": signal,
        "stoch": percent_k,
        "stoch_signal": percent_d,
        "tsi": known_where(_has_moved(bars.close), talib.TSI(bars.close, 25, 13)),
        "ultimate_oscillator": _ultimate_oscillator(bars),
        "williams_r": percent_k - 100,
    }


def rsi(close: Floats) -> Floats:
    """Relative strength index of Wilder (1978), 14 bars, 0 to 100; NaN until the close has changed once."""
    return known_where(_has_moved(close), talib.RSI(close, _RSI))


def stochastic(bars: Bars) -> tuple[Floats, Floats]:
    """Lane's %K over 14 bars, not slowed, and %D, its mean over 3; 0 to 100, NaN where the window has no range."""
    lowest = talib.MIN(bars.low, _STOCHASTIC)
    percent_k = 100 * ratio(bars.close - lowest, talib.MAX(bars.high, _STOCHASTIC) - lowest)
    return percent_k, mean_of_known(percent_k, _SMOOTH)


def macd(fast: Floats, slow: Floats) -> tuple[Floats, Floats, Floats]:
    """Line, signal and histogram from the two averages (12 and 26 bars).

    Not TA-Lib's MACD: it starts the fast average later, so that its line is not `ema_12 - ema_26`.
    """
    line = fast - slow
    signal = talib.EMA(line, _SIGNAL)
    return line, signal, line - signal


def _percentage_oscillator(name: str, values: Floats) -> dict[str, Floats]:
    slow = talib.EMA(values, _SLOW)
    line = 100 * ratio(talib.EMA(values, _FAST) - slow, slow)
    signal = talib.EMA(line, _SIGNAL)
    return {name: line, f"{name}_signal": signal, f"{name}_hist": line - signal}


def _stochastic_rsi(close: Floats, relative_strength: Floats) -> tuple[Floats, Floats, Floats]:
    """Place of RSI in its own range of 14 bars, 0 to 1, its mean over 3, and the mean of that over 3."""
    lowest = talib.MIN(relative_strength, _RSI)
    place = ratio(relative_strength - lowest, talib.MAX(relative_strength, _RSI) - lowest)
    # While the close stands still RSI does too: its range is then rounding.
    raw = known_where(~is_flat(close, close, _RSI), place)
    slowed = mean_of_known(raw, _SMOOTH)
    return raw, slowed, mean_of_known(slowed, _SMOOTH)


def _ultimate_oscillator(bars: Bars) -> Floats:
    """Williams (1976): 7, 14 and 28 bars; NaN where the shortest window has no true range."""
    has_range = talib.MAX(talib.TRANGE(bars.high, bars.low, bars.close), 7) > 0
    return known_where(has_range, talib.ULTOSC(bars.high, bars.low, bars.close, 7, 14, 28))


def _has_moved(close: Floats) -> Bools:
    before = earlier(close)
    return has_been((close != before) & ~np.isnan(before))
