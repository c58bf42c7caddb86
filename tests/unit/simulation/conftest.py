"""Markets that several tests only read."""

from pathlib import Path

import pytest

from kapman_resources.simulation import simulate
from kapman_resources.simulation.options.chains import OptionMarket, SessionChains
from tests.unit.simulation.markets import LAST, chain_plan_of, plan_of, walked


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


@pytest.fixture(scope="session")
def chain_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with option chains in one call."""
    directory = tmp_path_factory.mktemp("chains")
    simulate(directory, chain_plan_of(), through=LAST)
    return directory


@pytest.fixture(scope="session")
def true_chains() -> list[SessionChains]:
    """The chains of the same market as they truly are."""
    plan = chain_plan_of()
    securities, bars = walked(plan, LAST)
    options = OptionMarket(plan, securities)
    return [chains for session in bars if (chains := options.step(session)) is not None]
