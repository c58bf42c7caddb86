"""Queries of the dealers page: every name's positioning in the newest session, and one name's chain and history."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_assets.options.chain import COLUMNS, Chain, read_chain
from kapman_resources.schema import (
    dealer_metrics,
    options_chain_status,
    options_chains,
    price_metrics,
    tickers,
    volatility_metrics,
)
from kapman_ui.queries.marking import depends_on

_DEALER = (
    "dealer_status", "dealer_position", "position_vs_flip", "dgpi", "net_gex", "gex_pct_adv", "spot",
    "gamma_flip_level", "put_wall", "call_wall",
)  # fmt: skip
_VOLATILITY = ("iv_30d", "iv_rank", "iv_percentile", "skew_25d", "term_structure", "pcr_oi")


@dataclass(frozen=True)
class Reading:
    """All that is stored of one name and session, by column; None where a table has no row.

    Attributes:
        status: of `options_chain_status`, what became of the chain.
        dealer: of `dealer_metrics`.
        volatility: of `volatility_metrics`.
        price: of `price_metrics`.
    """

    status: dict[str, Any] | None
    dealer: dict[str, Any] | None
    volatility: dict[str, Any] | None
    price: dict[str, Any] | None


@depends_on(options_chain_status, dealer_metrics, volatility_metrics)
def overview(connection: sa.Connection) -> pd.DataFrame:
    """Names that have options, in the newest session with chains, by symbol.

    `symbol`, `name`, `date`, `chain_status`, and the columns of `_DEALER` and `_VOLATILITY`; these are unknown where
    the chain brought no metrics.
    """
    s, d, v = options_chain_status.c, dealer_metrics.c, volatility_metrics.c
    newest = sa.select(sa.func.max(s.date)).scalar_subquery()
    query = (
        sa.select(
            tickers.c.symbol,
            tickers.c.name,
            s.date,
            s.status.label("chain_status"),
            *(d[name] for name in _DEALER),
            *(v[name] for name in _VOLATILITY),
        )
        .select_from(options_chain_status)
        .join(tickers, tickers.c.ticker_id == s.ticker_id)
        .outerjoin(dealer_metrics, sa.and_(d.date == s.date, d.ticker_id == s.ticker_id))
        .outerjoin(volatility_metrics, sa.and_(v.date == s.date, v.ticker_id == s.ticker_id))
        .where(s.date == newest, s.status != "NO_OPTIONS")
        .order_by(tickers.c.symbol)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(options_chain_status, dealer_metrics, volatility_metrics, price_metrics)
def reading(connection: sa.Connection, symbol: str, session: date) -> Reading:
    """The rows of a name and session."""
    found: list[dict[str, Any] | None] = []
    for table in (options_chain_status, dealer_metrics, volatility_metrics, price_metrics):
        query = (
            sa.select(table)
            .join(tickers, tickers.c.ticker_id == table.c.ticker_id)
            .where(tickers.c.symbol == symbol, table.c.date == session)
        )
        row = connection.execute(query).mappings().one_or_none()
        found.append(None if row is None else dict(row))
    return Reading(*found)


@depends_on(options_chains, options_chain_status, dealer_metrics)
def chain(connection: sa.Connection, symbol: str, session: date) -> Chain:
    """A name's contracts of a session as the metrics were calculated on, empty if there are none."""
    query = (
        sa.select(*(options_chains.c[name] for name in COLUMNS))
        .join(tickers, tickers.c.ticker_id == options_chains.c.ticker_id)
        .where(tickers.c.symbol == symbol, options_chains.c.date == session)
    )
    contracts = pd.DataFrame(connection.execute(query).all(), columns=list(COLUMNS))
    s, d = options_chain_status.c, dealer_metrics.c
    # The metrics' own price: where the snapshot brought none, it is the session's close.
    assumed = (
        sa.select(d.spot, s.rate)
        .join(tickers, tickers.c.ticker_id == d.ticker_id)
        .join(options_chain_status, sa.and_(s.date == d.date, s.ticker_id == d.ticker_id))
        .where(tickers.c.symbol == symbol, d.date == session)
    )
    row = connection.execute(assumed).one_or_none()
    return read_chain(contracts, session, None if row is None else row.spot, rate=0.0 if row is None else row.rate)


@depends_on(dealer_metrics, volatility_metrics, price_metrics)
def history(connection: sa.Connection, symbol: str, session: date, count: int = 252) -> pd.DataFrame:
    """A name's newest sessions with metrics up to one, ascending.

    `date`, `net_gex`, `dgpi`, `iv_30d`, `iv_rank`, `iv_percentile`, `skew_25d`, `term_structure`, `pcr_oi`,
    `pcr_volume`, `hv_20`.
    """
    d, v, p = dealer_metrics.c, volatility_metrics.c, price_metrics.c
    query = (
        sa.select(
            d.date,
            d.net_gex,
            d.dgpi,
            v.iv_30d,
            v.iv_rank,
            v.iv_percentile,
            v.skew_25d,
            v.term_structure,
            v.pcr_oi,
            v.pcr_volume,
            p.hv_20,
        )
        .select_from(dealer_metrics)
        .join(tickers, tickers.c.ticker_id == d.ticker_id)
        .outerjoin(volatility_metrics, sa.and_(v.date == d.date, v.ticker_id == d.ticker_id))
        .outerjoin(price_metrics, sa.and_(p.date == d.date, p.ticker_id == d.ticker_id))
        .where(tickers.c.symbol == symbol, d.date <= session)
        .order_by(d.date.desc())
        .limit(count)
    )
    result = connection.execute(query)
    rows = pd.DataFrame(result.all(), columns=list(result.keys())).iloc[::-1].reset_index(drop=True)
    return rows.astype(dict.fromkeys(rows.columns.drop("date"), "float64"))
