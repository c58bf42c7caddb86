"""Rows that are the same but for how a price was rounded that was adjusted for a split."""

from typing import Any

import pytest


def close_to(one: Any, other: Any, slack: float = 1e-9) -> bool:
    """Equal, numbers to 1e-9: a price adjusted for a split by thirds is rounded once more or less."""
    if isinstance(one, dict) and isinstance(other, dict):
        # A running sum of millions of shares that comes near zero keeps the error of the millions.
        slacks = {"acc_dist_index": 1e-3}
        return one.keys() == other.keys() and all(close_to(one[k], other[k], slacks.get(k, slack)) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close_to, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return other == pytest.approx(one, rel=1e-9, abs=slack)
    return bool(one == other)
