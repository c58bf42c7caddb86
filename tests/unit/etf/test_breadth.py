"""Counts of signals against a count by hand."""

import math
from datetime import date

import pandas as pd
import pytest

from kapman_assets.etf.breadth import ThresholdError, breadth

DAY, NEXT = date(2026, 8, 20), date(2026, 8, 21)
FEATURES = pd.DataFrame(
    [
        ("XLK", DAY, "60D", -1.0), ("XLE", DAY, "60D", 1.0), ("XLF", DAY, "60D", 0.99), ("XLU", DAY, "60D", math.nan),
        ("SPY", DAY, "60D", -3.0), ("XLK", DAY, "20D", 2.5), ("XLK", NEXT, "60D", -0.4),
    ],
    columns=["symbol", "session", "horizon", "composite_z"],
)  # fmt: skip


def counts(found: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(
        found[["session", "horizon", "buy", "sell", "hold", "unknown", "total"]].itertuples(index=False, name=None)
    )


def test_thresholds_are_part_of_the_signal() -> None:
    assert counts(breadth(FEATURES, without=["SPY"])) == [
        (DAY, "20D", 0, 1, 0, 0, 1),
        (DAY, "60D", 1, 1, 1, 1, 4),
        (NEXT, "60D", 0, 0, 1, 0, 1),
    ]


def test_thresholds_are_free() -> None:
    assert counts(breadth(FEATURES, buy=-0.4, sell=2.0)) == [
        (DAY, "20D", 0, 1, 0, 0, 1),
        (DAY, "60D", 2, 0, 2, 1, 5),
        (NEXT, "60D", 1, 0, 0, 0, 1),
    ]


def test_nothing_to_count() -> None:
    assert counts(breadth(FEATURES.head(0))) == []


@pytest.mark.parametrize(("buy", "sell"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (-1.0, math.inf)])
def test_thresholds_that_tell_nothing_apart(buy: float, sell: float) -> None:
    with pytest.raises(ThresholdError, match="buy below sell"):
        breadth(FEATURES, buy=buy, sell=sell)
