"""Split ratios as cumulative price factors over intervals of days. Plain calculation on frames.

How a factor is applied to bars is written once, in the SQL function `fn_ohlcv_adjusted`.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

FIRST_DAY = date.min
"""`applies_from` of a ticker's first split: before every bar."""


@dataclass(frozen=True)
class SplitRows:
    """Splits ready to store, and those that cannot be.

    Attributes:
        rows: symbol, execution_date, split_from, split_to, vendor_factor, applies_from, price_factor; one row a
            symbol and execution date.
        refused: the same first columns and `reason`.
    """

    rows: pd.DataFrame
    refused: pd.DataFrame


def with_factors(raw: pd.DataFrame) -> SplitRows:
    """Clean splits and compute the factor of each interval between them.

    A bar of day d with `applies_from <= d < execution_date` is adjusted by `price *= price_factor` and
    `volume /= price_factor`, where price_factor is PROD(split_from / split_to) over every split of the symbol
    with d < execution_date.

    Args:
        raw: symbol (str), execution_date (ISO text or date), split_from, split_to, vendor_factor (numbers or
            None), in the vendor's order.
    """
    rows = raw.assign(
        execution_date=pd.to_datetime(raw["execution_date"], format="%Y-%m-%d", errors="coerce").dt.date,
        **{name: pd.to_numeric(raw[name], errors="coerce") for name in ("split_from", "split_to", "vendor_factor")},
    )
    unusable = (
        rows["execution_date"].isna()
        # Inclusive of nothing at either end: a ratio is made of two finite positive numbers.
        | ~rows["split_from"].between(0, np.inf, inclusive="neither")
        | ~rows["split_to"].between(0, np.inf, inclusive="neither")
    )
    key = ["symbol", "execution_date"]
    again = rows[~unusable].duplicated(key).reindex(rows.index, fill_value=False)
    first = rows[~unusable & ~again].set_index(key)["split_to"] / rows[~unusable & ~again].set_index(key)["split_from"]
    ratio = rows["split_to"] / rows["split_from"]
    differs = again & (ratio.to_numpy() != first.reindex(pd.MultiIndex.from_frame(rows[key])).to_numpy())
    reasons = np.select([unusable, differs], ["no date or no positive ratio", "second ratio for the same day"], "")
    refused = rows.assign(reason=reasons)[unusable | differs]
    kept = rows[~unusable & ~again].sort_values(key, ignore_index=True)
    own = kept["split_from"] / kept["split_to"]
    # From the last split backwards: each factor holds every later one.
    factor = own[::-1].groupby(kept["symbol"][::-1]).cumprod()[::-1]
    previous = kept.groupby("symbol")["execution_date"].shift()
    kept = kept.assign(applies_from=previous.where(previous.notna(), FIRST_DAY), price_factor=factor)
    return SplitRows(kept, refused.reset_index(drop=True))
