"""How many units of an idea an account can bear. Plain arithmetic."""

import math


def units_within(loss: float | None, equity: float | None, risk_fraction: float) -> int | None:
    """Whole units whose loss together stays within the chosen share of an account, never more.

    Args:
        loss: of a unit if the idea is wrong, USD; None or NaN where it is unknown.
        equity: account value, USD; None if the trader has not said.
        risk_fraction: share of it that may be lost, decimal.

    Returns:
        The units, 0 if one alone loses more; None where the loss or the account is unknown.
    """
    if loss is None or equity is None or not math.isfinite(loss) or loss <= 0:
        return None
    # A budget that is a whole number of losses is not to miss one by a rounding error.
    return math.floor(equity * risk_fraction / loss * (1 + 1e-12))
