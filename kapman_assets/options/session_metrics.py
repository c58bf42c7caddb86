"""All option metrics of one session: one name after the other, as rows of the three tables. No Dagster, no SQL.

The formulas are in the modules beside; here is only their order: volatility first, whose 30-day value the price
metrics compare with, and both before the dealers, who are measured against them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from kapman_assets.options.chain import read_chain
from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.json_ready import json_ready
from kapman_assets.options.metrics_store import Grid, StoredChain
from kapman_assets.options.price import price_metrics
from kapman_assets.options.volatility import volatility_metrics

BARS = 61
"""Sessions of bars that the longest price metric needs: 60 returns."""


def session_metrics(
    session: date, chains: Mapping[int, StoredChain], closes: Grid, volumes: Grid, iv_history: Grid
) -> dict[str, list[dict[str, Any]]]:
    """Rows of `volatility_metrics`, `price_metrics` and `dealer_metrics`, by table.

    Names with a chain are in all three; names with bars alone have price metrics.

    Args:
        session: the rows' session.
        chains: the chains stored of it, by ticker.
        closes: adjusted closes up to the session, at least `BARS` of them.
        volumes: adjusted volumes likewise.
        iv_history: `iv_30d` of the sessions before.
    """
    volatility, price, dealer = [], [], []
    for ticker_id in sorted(chains.keys() | closes.values.keys()):
        stored = chains.get(ticker_id)
        chain = None if stored is None else read_chain(stored.contracts, session, stored.spot, rate=stored.rate)
        implied = None if chain is None else volatility_metrics(chain, iv_history.of(ticker_id))
        realised = price_metrics(
            closes.of(ticker_id), volumes.of(ticker_id), None if implied is None else implied.iv_30d
        )
        key = {"ticker_id": ticker_id}
        price.append(key | json_ready(realised))
        if stored is None or chain is None or implied is None:
            continue
        volatility.append(key | json_ready(implied))
        positioning = dealer_metrics(
            chain,
            adv_20=realised.adv_20,
            hv_20=realised.hv_20,
            iv_rank=implied.iv_rank,
            is_complete=stored.is_complete,
        )
        dealer.append(key | {"spot": stored.spot} | json_ready(positioning))
    return {"volatility_metrics": volatility, "price_metrics": price, "dealer_metrics": dealer}
