"""Breadth: how many of the universe are stretched, by session and horizon, at thresholds of the reader's choice."""

import math
from collections.abc import Collection

import pandas as pd

from kapman_resources.errors import KapmanError


class ThresholdError(KapmanError):
    """Thresholds that no z-score can be told apart by."""


def breadth(
    features: pd.DataFrame, *, buy: float = -1.0, sell: float = 1.0, without: Collection[str] = ()
) -> pd.DataFrame:
    """Count signals.

    Args:
        features: symbol, session, horizon, composite_z.
        buy: at this composite or below, a symbol is a buy.
        sell: at this composite or above, a sell; in between, a hold.
        without: symbols that are not counted, such as the benchmark.

    Returns:
        One row a session and horizon, ascending: `buy`, `sell`, `hold`, `unknown` (no composite), and `total`, their
        sum.

    Raises:
        ThresholdError: a threshold is not finite, or buy is not below sell.
    """
    if not (math.isfinite(buy) and math.isfinite(sell) and buy < sell):
        raise ThresholdError(f"buy {buy} and sell {sell}: both must be finite, and buy below sell")
    counted = features[~features["symbol"].isin(list(without))]
    z = counted["composite_z"]
    signals = pd.DataFrame(
        {"buy": z <= buy, "sell": z >= sell, "hold": (z > buy) & (z < sell), "unknown": z.isna(), "total": True}
    )
    keys = [counted["session"], counted["horizon"]]
    return signals.astype("int64").groupby(keys, sort=True).sum().reset_index()
