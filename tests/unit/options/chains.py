"""Small chains to calculate on, and the strategies that draw them."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from kapman_assets.options.chain import COLUMNS, Chain, read_chain

SESSION = date(2026, 8, 21)


def contract(side: str, strike: float, oi: float | None, *, dte: int = 30, **other: Any) -> dict[str, Any]:
    """A contract by its side and strike; 25 % volatility, no greeks and 100 shares unless told."""
    facts = {
        "strike": strike,
        "expiration_date": SESSION + timedelta(days=dte),
        "contract_type": {"C": "call", "P": "put"}.get(side, side),
        "open_interest": oi,
        "volume": None,
        "implied_volatility": 0.25,
        "delta": None,
        "gamma": None,
        "multiplier": 100,
        "is_standard": True,
    }
    return facts | other


def frame_of(contracts: Iterable[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(contracts), columns=list(COLUMNS))


def chain_of(contracts: Iterable[dict[str, Any]], spot: float | None = 100.0, **rates: float) -> Chain:
    return read_chain(frame_of(contracts), SESSION, spot, **rates)


def worked_chain() -> list[dict[str, Any]]:
    """S = 100, T = 30/365, 25 % volatility, no rates."""
    calls = {90: 500, 95: 800, 100: 1500, 105: 4000, 110: 2500}
    puts = {90: 3500, 95: 3000, 100: 1800, 105: 400, 110: 200}
    return [contract(side, k, oi) for side, held in (("C", calls), ("P", puts)) for k, oi in held.items()]


def contracts_strategy(
    min_size: int = 1, max_size: int = 30, *, strikes: tuple[int, int] = (60, 140), days: tuple[int, int] = (1, 90)
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Plausible contracts around a spot of 100."""
    one = st.builds(
        lambda side, strike, oi, dte, iv: contract(side, strike, oi, dte=dte, implied_volatility=iv),
        st.sampled_from("CP"),
        st.integers(*strikes).map(float),
        st.integers(0, 5000).map(float),
        st.integers(*days),
        st.floats(0.1, 1.0),
    )
    return st.lists(one, min_size=min_size, max_size=max_size)
