"""What followed a rule, asked of stored features and bars. Plain SQL, free of Dagster: the panel asks for it.

The language is in `kapman_assets.rules`, the statistics are in `statistics`; here is only what they are asked of.
"""

from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa

from kapman_assets.etf.grid import checked_horizon
from kapman_assets.etf.rule_names import ETF_NAMES
from kapman_assets.etf.statistics import ConditionalStatistics, StatisticsError, conditional_statistics
from kapman_assets.rules.catalogue import Catalogue
from kapman_assets.rules.evaluation import evaluate_history
from kapman_assets.rules.parser import parse
from kapman_resources.schema import etf_features, tickers
from kapman_resources.sessions import sessions_between

CATALOGUE = Catalogue(ETF_NAMES)
"""Names that have a history as long as the features'."""

_CLOSES = sa.text("SELECT date, close FROM fn_ohlcv_adjusted(:as_of) WHERE symbol = :symbol AND date >= :first")


def edge(
    connection: sa.Connection, symbol: str, rule: str, *, forward: int, as_of: date, horizon: str = "60D"
) -> ConditionalStatistics:
    """Look at the returns of a symbol after each stored session on which a rule held.

    Args:
        connection: to the warehouse.
        symbol: of the ETF universe.
        rule: a condition on columns of the features, such as `z<=-1.0`.
        forward: sessions ahead, 1 to 252.
        as_of: nothing later is looked at, and closes are in its shares.
        horizon: of the features.

    Raises:
        RuleError: the rule cannot be read.
        HorizonError: there is no such horizon.
        StatisticsError: forward is not 1 to 252, or no features of the symbol are stored.
    """
    parsed = parse(rule, CATALOGUE)
    c = etf_features.c
    query = (
        sa.select(c.date, *(c[name] for name in sorted({name.column for name in parsed.names})))
        .join(tickers, tickers.c.ticker_id == c.ticker_id)
        .where(tickers.c.symbol == symbol, c.horizon == checked_horizon(horizon), c.date <= as_of)
        .order_by(c.date)
    )
    found = connection.execute(query)
    features = pd.DataFrame(found.all(), columns=list(found.keys())).set_index("date").astype("float64")
    if features.empty:
        raise StatisticsError(
            f"no {horizon} features of {symbol} up to {as_of} are stored: "
            "look whether ETF_UNIVERSE names it, then materialise etf_features"
        )
    sessions = sessions_between(features.index[0], as_of)
    of_symbol = {"as_of": as_of, "symbol": symbol, "first": features.index[0]}
    closes: dict[date, float] = dict(connection.execute(_CLOSES, of_symbol).all())
    held = evaluate_history(parsed, features.reindex(sessions))
    return conditional_statistics(sessions, [closes.get(day, np.nan) for day in sessions], held, forward, as_of)
