"""The labels of chains, calculated again by plain loops over the true contracts."""

import math
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from kapman_resources.simulation.options.chains import SessionChains
from tests.unit.simulation.markets import chain_pages, label

LOOKED_AT = ("AAA", "BBB", "QQQ", "CE", "BRK.B")


class Contract(NamedTuple):
    """A true standard contract that has not expired."""

    sign: int
    strike: float
    days: int
    volatility: float
    held: int


@pytest.fixture(scope="module")
def truths(chain_market: Path) -> dict[tuple[date, str], dict[str, str]]:
    return {(date.fromisoformat(row["session"]), row["symbol"]): row for row in label(chain_market, "options.csv")}


def contracts(chains: SessionChains, symbol: str) -> list[Contract]:
    book = chains.contracts
    return [
        Contract(
            sign=1 if book.is_call[row] else -1,
            strike=book.strike[row] / 1000,
            days=(book.expiry[row].item() - chains.session).days,
            volatility=float(chains.volatility[row]),
            held=int(book.open_interest[row]),
        )
        for row in np.flatnonzero(book.name == chains.names.symbols.index(symbol))
        if book.shares[row] == 100 and book.expiry[row].item() > chains.session
    ]


def gex(contract: Contract, spot: float) -> float:
    """Dollars of delta hedge per move of 1 %."""
    deviation = contract.volatility * math.sqrt(contract.days / 365)
    d1 = math.log(spot / contract.strike) / deviation + deviation / 2
    gamma = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi) / (spot * deviation)
    return contract.sign * gamma * contract.held * 100 * spot**2 * 0.01


def net_gex(rows: list[Contract], spot: float) -> float:
    return sum(gex(contract, spot) for contract in rows)


def nearest_zero(rows: list[Contract], spot: float) -> float | None:
    """Searched for outwards from the spot in steps of a thousandth, then halved."""
    edges = [spot * (1 + step / 1000) for step in range(-200, 201)]
    values = [net_gex(rows, edge) for edge in edges]
    zeros = []
    for place in range(400):
        low, high = edges[place], edges[place + 1]
        if values[place] * values[place + 1] < 0:
            for _ in range(50):
                middle = (low + high) / 2
                if (net_gex(rows, middle) > 0) == (values[place] > 0):
                    low = middle
                else:
                    high = middle
            zeros.append(low)
    return min(zeros, key=lambda zero: abs(zero - spot), default=None)


def wall(rows: list[Contract], sign: int, spot: float, *, by_gamma: bool) -> float:
    held: dict[float, float] = {}
    for contract in rows:
        if contract.sign == sign and contract.days <= 60 and abs(contract.strike / spot - 1) <= 0.25:
            size = abs(gex(contract, spot)) if by_gamma else contract.held
            held[contract.strike] = held.get(contract.strike, 0) + size
    return min(held, key=lambda strike: (-held[strike], abs(strike - spot), strike))


def test_gamma_and_its_zero_are_those_of_a_plain_loop(
    true_chains: list[SessionChains], truths: dict[tuple[date, str], dict[str, str]]
) -> None:
    found = 0
    for chains in (true_chains[0], true_chains[-1]):
        for symbol in LOOKED_AT:
            truth, rows = truths[chains.session, symbol], contracts(chains, symbol)
            spot = float(truth["spot"])
            assert float(truth["net_gex"]) == pytest.approx(net_gex(rows, spot), rel=1e-9)
            zero = nearest_zero(rows, spot)
            assert (zero is None) == (truth["flip"] == "")
            if zero is not None:
                assert float(truth["flip"]) == pytest.approx(zero, rel=1e-9)
                found += 1
    assert found >= len(LOOKED_AT)


def test_walls_hold_the_most(true_chains: list[SessionChains], truths: dict[tuple[date, str], dict[str, str]]) -> None:
    for chains in true_chains[::5]:
        for symbol in LOOKED_AT:
            truth, rows = truths[chains.session, symbol], contracts(chains, symbol)
            spot = float(truth["spot"])
            for side, sign in (("call", 1), ("put", -1)):
                assert float(truth[f"{side}_wall"]) == wall(rows, sign, spot, by_gamma=True)
                assert float(truth[f"{side}_wall_oi"]) == wall(rows, sign, spot, by_gamma=False)


def test_the_level_lies_between_the_expiries_around_it(
    true_chains: list[SessionChains], truths: dict[tuple[date, str], dict[str, str]]
) -> None:
    chains = true_chains[-1]
    for symbol in LOOKED_AT:
        name = chains.names.symbols.index(symbol)
        days = sorted({contract.days for contract in contracts(chains, symbol)})
        near, far = max(day for day in days if day <= 30), min(day for day in days if day > 30)
        expiries = np.datetime64(chains.session) + np.array([near, far])
        first, second = chains.smiles.volatility(np.array([name, name]), expiries, np.zeros(2)).tolist()
        share = (30 - near) / (far - near)
        variance = (1 - share) * first**2 * near + share * second**2 * far
        expected = math.sqrt(variance / 30)
        assert float(truths[chains.session, symbol]["atm_iv_30d"]) == pytest.approx(expected, rel=1e-9)


def test_every_chain_has_a_label_that_counts_its_rows(
    chain_market: Path, truths: dict[tuple[date, str], dict[str, str]]
) -> None:
    for (session, symbol), pages in chain_pages(chain_market).items():
        rows = [row for page in pages for row in page["results"]]
        truth = truths.get((session, symbol))
        assert (truth is None) == (not rows)
        if truth is not None:
            adjusted = sum(row["details"]["shares_per_contract"] != 100 for row in rows)
            assert (int(truth["contracts"]), int(truth["adjusted"])) == (len(rows), adjusted)
