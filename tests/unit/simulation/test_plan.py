"""Plans that cannot work are refused by the name of their parameter."""

from typing import Any

import pytest

from kapman_resources.errors import ConfigurationError
from kapman_resources.simulation import WatchedName
from tests.unit.simulation.markets import plan_of


@pytest.mark.parametrize(
    "values",
    [
        {"seed": -1},
        {"names": 4},
        {"life_sessions": 0},
        {"fault_rate": 1.5},
        {"structure_share": -0.1},
        {"halts_per_year": 300},
        {"dead": ("NOBODY",)},
        {"dead": ("GONE", "GONE")},
        {"without_options": ("GONE",)},
        {"adjusted_options": ("SPY",), "without_options": ("SPY",)},
        {"watched": (WatchedName("A", "A", None), WatchedName("A", "B", None)), "dead": ()},
    ],
)
def test_a_parameter_outside_its_range_is_named(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(values))}:"):
        plan_of(**values)
