"""The 84 outputs against the library `ta`, and every difference against the table in docs/indicators.md."""

import re
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from kapman_assets.technicals.bars import Bars, Bools, Floats
from kapman_assets.technicals.indicators import INDICATORS, indicators
from kapman_assets.technicals.reasons import BARS_NEEDED
from tests.unit.technicals.reference import reference
from tests.unit.technicals.series import cent_bars, random_bars, simulated_bars

TABLE = Path(__file__).parents[3] / "docs/indicators.md"
SETTLED = 600
"""Bar after which no seed has any weight left."""


class Listed(NamedTuple):
    """A row of the table."""

    first: int
    first_of_reference: int
    differs: frozenset[str]
    equal_from: int | None
    why: str


@cache
def table() -> dict[str, Listed]:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([^|]+) \| (\d*) *\| ([^|]*)\|$", TABLE.read_text(), flags=re.M
    )
    return {
        name: Listed(
            int(first),
            int(theirs),
            frozenset() if differs == "–" else frozenset(differs.split(", ")),
            int(equal_from) if equal_from else None,
            why.strip(),
        )
        for name, first, theirs, differs, equal_from, why in rows
    }


@cache
def both() -> list[tuple[Bars, dict[str, Floats], dict[str, Floats]]]:
    sets = [random_bars(1), random_bars(2, daily=0.05), cent_bars(3), cent_bars(4), *simulated_bars()]
    assert all(len(bars) > SETTLED for bars in sets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(bars, indicators(bars), reference(bars)) for bars in sets]


def differing(name: str, bars: Bars, ours: Floats, theirs: Floats) -> Bools:
    """Where the two are not equal."""
    near = 1e-8 * np.maximum(np.abs(ours), np.abs(theirs)) + 1e-9 * np.nanmedian(np.abs(theirs))
    result = (np.isnan(ours) != np.isnan(theirs)) | (np.abs(ours - theirs) > near)
    if re.fullmatch(r"(bollinger|keltner)\w+_indicator", name):
        # On the band itself rounding decides, in both.
        band = indicators(bars)[name.removesuffix("_indicator")]
        result &= ~(np.abs(bars.close - band) <= 1e-9 * bars.close)
    return result


def test_the_table_has_every_output() -> None:
    assert tuple(table()) == INDICATORS
    assert len(INDICATORS) == 84
    for name, listed in table().items():
        assert bool(listed.differs) == bool(listed.why), f"{name}: a difference has a reason, and nothing else has one"
        assert ("seed" in listed.differs) == (listed.equal_from is not None), name


@pytest.mark.parametrize("name", INDICATORS)
def test_an_output_is_as_the_table_says(name: str) -> None:
    listed = table()[name]
    begin = listed.first - 1
    found: set[str] = set()
    firsts = []
    for bars, ours, theirs in both():
        a, b = ours[name], theirs[name]
        assert np.isnan(a[:begin]).all()
        firsts.append(int(np.flatnonzero(~np.isnan(b))[0]) + 1)
        if (~np.isnan(b[:begin])).any():
            found.add("early")
        unequal = np.flatnonzero(differing(name, bars, a, b)[begin:]) + listed.first
        if len(unequal):
            found.add("definition" if unequal[-1] >= SETTLED else "seed")
        if listed.equal_from is not None:
            assert not len(unequal) or unequal[-1] < listed.equal_from
    # Where the definition differs the seed cannot be told from it.
    assert (found - {"seed"} if "definition" in found else found) == listed.differs
    assert min(firsts) == listed.first_of_reference
    assert BARS_NEEDED[name] == listed.first


@pytest.mark.parametrize("name", INDICATORS)
def test_a_first_value_stands_on_the_listed_bar(name: str) -> None:
    first = [int(np.flatnonzero(~np.isnan(ours[name]))[0]) + 1 for _, ours, _ in both()]

    # The stop is above or below the first bar that has one.
    assert min(first) == table()[name].first
