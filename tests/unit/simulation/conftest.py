"""Markets that several tests only read."""

from pathlib import Path

import pytest

from kapman_resources.simulation import simulate
from tests.unit.simulation.markets import LAST, plan_of


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard plan in one call, with its ordinary share of bad rows."""
    directory = tmp_path_factory.mktemp("market")
    simulate(directory, plan_of(), through=LAST)
    return directory


@pytest.fixture(scope="session")
def clean_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market without bad rows, with halts, delistings and late listings within its few sessions."""
    directory = tmp_path_factory.mktemp("clean")
    plan = plan_of(fault_rate=0, halts_per_year=5, delistings_per_year=20, life_sessions=20, names=200)
    simulate(directory, plan, through=LAST)
    return directory
