"""The newest session of the ETF features as a trader looks at it: one row a symbol, two queries.

Plain SQL and frames, free of Dagster: the panel asks for it. What is drawn from it, and how, is the panel's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa

from kapman_assets.etf.breadth import breadth
from kapman_assets.etf.columns import COLUMNS, HORIZONS
from kapman_assets.etf.store import BENCHMARK
from kapman_resources.errors import KapmanError

SPARK_DAYS = 90
"""Calendar days of the spark, about twelve weeks of sessions; a close that is older is not shown either."""

LIQUIDITY: Mapping[str, float] = {"A": 500e6, "B": 100e6, "C": 0.0}
"""Least mean of dollar volume, USD a session, of each class of the ETF document."""

# As known in the session: a later split must not rescale its close.
_ROWS = """
    SELECT t.symbol, t.name, e.*, bars.closes[1] AS close, bars.closes[2] AS previous_close, bars.days[1] AS close_date
    FROM etf_features e
    JOIN tickers t ON t.ticker_id = e.ticker_id
    CROSS JOIN LATERAL (
        SELECT array_agg(o.close) AS closes, array_agg(o.date) AS days FROM (
            SELECT a.date, a.close FROM fn_ohlcv_adjusted(e.date) a
            WHERE a.symbol = t.symbol AND a.date BETWEEN e.date - :days AND e.date
            ORDER BY a.date DESC LIMIT 2) o) bars
    WHERE e.horizon = :horizon AND e.date = (SELECT max(date) FROM etf_features WHERE horizon = :horizon)
    ORDER BY t.symbol"""

_SPARKS = """
    SELECT e.date, t.symbol, e.composite_z
    FROM etf_features e JOIN tickers t ON t.ticker_id = e.ticker_id
    WHERE e.horizon = :horizon AND e.date BETWEEN :first AND :last AND t.symbol = ANY(:symbols)"""

_FIRST = ["symbol", "name", "signal", "close", "previous_close", "change", "close_date", "liquidity"]


class HorizonError(KapmanError):
    """A horizon that no row of features has."""


@dataclass(frozen=True)
class Grid:
    """The newest session of one horizon; empty frames and no session where there are no features.

    Attributes:
        session: the day of the rows.
        rows: one row a symbol, by symbol: `symbol`; `name`; `signal`, BUY, SELL or HOLD, None without a composite;
            `close` and `previous_close` of its last two bars, USD a share in the shares of the session; `change`
            between them, a decimal; `close_date`, the day of the last bar, before the session where that has none;
            `liquidity`, a class of `LIQUIDITY`, None where unknown; the columns of `COLUMNS`; `null_reasons`, the
            reason code by column that is NaN.
        sparks: composite z of the last `SPARK_DAYS`, one row a session, one column a symbol; NaN where unknown.
        breadth: how many symbols are `buy`, `sell`, `hold`, `unknown`, and `total`; the benchmark is not counted.
    """

    session: date | None
    rows: pd.DataFrame
    sparks: pd.DataFrame
    breadth: Mapping[str, int]


def latest_grid(connection: sa.Connection, horizon: str = "60D", *, buy: float = -1.0, sell: float = 1.0) -> Grid:
    """Read the newest session's features with what a trader needs beside them.

    Args:
        connection: to the warehouse.
        horizon: of `HORIZONS`.
        buy: at this composite or below, a symbol is a buy.
        sell: at this composite or above, a sell; in between, a hold.

    Raises:
        HorizonError: there is no such horizon.
        ThresholdError: a threshold is not finite, or buy is not below sell.
    """
    found = connection.execute(sa.text(_ROWS), {"horizon": checked_horizon(horizon), "days": SPARK_DAYS})
    rows = pd.DataFrame(found.all(), columns=list(found.keys()))
    numbers = ["close", "previous_close", *COLUMNS]
    rows[numbers] = rows[numbers].astype("float64")
    counted = breadth(rows.rename(columns={"date": "session"}), buy=buy, sell=sell, without=[BENCHMARK])
    counts = {name: int(counted[name].sum()) for name in ("buy", "sell", "hold", "unknown", "total")}
    session = None if rows.empty else rows["date"].iloc[0]
    rows["signal"] = [signal(z, buy=buy, sell=sell) for z in rows["composite_z"]]
    rows["change"] = rows["close"] / rows["previous_close"] - 1
    rows["liquidity"] = [liquidity(volume) for volume in rows["vol_dollar_20d"]]
    sparks = _sparks(connection, horizon, session, rows["symbol"].tolist())
    return Grid(session, rows[[*_FIRST, *COLUMNS, "null_reasons"]], sparks, counts)


def checked_horizon(horizon: str) -> str:
    """The horizon itself.

    Raises:
        HorizonError: there is no such horizon.
    """
    if horizon not in HORIZONS:
        raise HorizonError(f"there is no horizon {horizon!r}; there are {', '.join(HORIZONS)}")
    return horizon


def signal(composite_z: float, *, buy: float, sell: float) -> str | None:
    """BUY, SELL or HOLD; None for NaN."""
    if math.isnan(composite_z):
        return None
    return "BUY" if composite_z <= buy else "SELL" if composite_z >= sell else "HOLD"


def liquidity(dollar_volume: float) -> str | None:
    """The class of `LIQUIDITY` by mean dollar volume, USD a session; None for NaN."""
    return next((name for name, least in LIQUIDITY.items() if dollar_volume >= least), None)


def _sparks(connection: sa.Connection, horizon: str, session: date | None, symbols: list[str]) -> pd.DataFrame:
    if session is None:
        return pd.DataFrame()
    first = session - timedelta(days=SPARK_DAYS)
    parameters = {"horizon": horizon, "first": first, "last": session, "symbols": symbols}
    found = connection.execute(sa.text(_SPARKS), parameters).all()
    values = pd.DataFrame(found, columns=["date", "symbol", "composite_z"])
    return values.pivot(index="date", columns="symbol", values="composite_z").astype("float64")
