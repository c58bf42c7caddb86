"""The risk of a trade on a signal: its stop by average true range, its size by what may be lost, its reward by MA50."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Risk:
    """What a trade at the close would risk; None where it is unknown or has no meaning.

    Attributes:
        stop: USD a share.
        shares: whole shares, of which the stop loses the chosen share of the account.
        target: USD a share, the 50-bar mean that a stretched price is expected to come back to.
        reward_to_risk: way to the target over the way to the stop; None where the target is not ahead.
    """

    stop: float | None
    shares: int | None
    target: float | None
    reward_to_risk: float | None


def risk_of(
    signal: str | None,
    *,
    close: float,
    atr: float,
    ma50: float,
    equity: float | None,
    risk_fraction: float,
    stop_atr: float,
) -> Risk:
    """The ETF document's helper: `stop = close -/+ k ATR`, `shares = equity f / (k ATR)`, rounded to the nearest share.

    Args:
        signal: BUY, SELL or HOLD, which has no trade; None where unknown.
        close: entry, USD a share; NaN where unknown, as the other prices.
        atr: average true range, USD a share.
        ma50: target, USD a share.
        equity: account value, USD; None if the trader has not said.
        risk_fraction: share of the equity that the stop may lose, decimal.
        stop_atr: distance of the stop, average true ranges.
    """
    side = {"BUY": 1, "SELL": -1}.get(signal or "")
    if side is None:
        return Risk(None, None, None, None)
    distance = stop_atr * atr
    has_stop = math.isfinite(close) and math.isfinite(distance) and distance > 0
    target = ma50 if math.isfinite(ma50) else None
    reward = None if target is None else side * (target - close)
    return Risk(
        stop=close - side * distance if has_stop else None,
        shares=math.floor(equity * risk_fraction / distance + 0.5) if has_stop and equity is not None else None,
        target=target,
        reward_to_risk=reward / distance if has_stop and reward is not None and reward > 0 else None,
    )
