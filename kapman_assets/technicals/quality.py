"""What can be wrong with a session's technicals as a whole, found by SQL and judged by plain rules.

Unknown values are none of it: their reasons are in the rows. The Dagster checks around these verdicts are in `checks`.
"""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from kapman_assets.session_rules import Bounds, bounded, by_session, every_bar_has_a_row, every_row_keeps
from kapman_assets.technicals.indicators import INDICATORS
from kapman_assets.verdict import Verdict
from kapman_resources.schema import technical_indicators, tickers, universe_technicals

_SHARED: dict[str, Bounds] = {
    **dict.fromkeys(("rsi_14", "stoch_k", "stoch_d", "mfi_14", "adx_14"), (0, 100)),
    **dict.fromkeys(("sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "bbands_width"), (0, None)),
}
_OF_UNIVERSE: dict[str, Bounds] = {
    **_SHARED,
    **dict.fromkeys(
        ("close", "volume", "rvol_20", "hv_20", "hv_60", "dollar_volume_20", "low_52w_distance"), (0, None)
    ),
    **dict.fromkeys(("return_1", "return_5", "return_20", "return_60"), (-1, None)),
    "high_52w_distance": (-1, 0),
    "bars": (1, None),
}
_OF_WATCHED: dict[str, Bounds] = {
    **_SHARED,
    "vwap": (0, None),
    **dict.fromkeys(("price_vs_sma20", "price_vs_sma50", "price_vs_sma200"), (-100, None)),
}


def every_bar_in_universe(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every name with a bar has its row for the screener."""
    return every_bar_has_a_row(connection, universe_technicals, sessions, watched=False)


def universe_values(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """The screener's values are such as their formulas can give."""
    return every_row_keeps(connection, universe_technicals, _rules(universe_technicals, _OF_UNIVERSE), sessions)


def every_watched_bar(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every watched name with a bar has its indicators."""
    return every_bar_has_a_row(connection, technical_indicators, sessions, watched=True)


def indicator_values(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """The named columns are such as their formulas can give."""
    return every_row_keeps(connection, technical_indicators, _rules(technical_indicators, _OF_WATCHED), sessions)


def all_outputs(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """Every row names each of the 84 outputs, and nothing else."""
    c = technical_indicators.c
    names = sa.literal(list(INDICATORS), ARRAY(sa.Text))
    others = c.indicators.op("-")(names)
    query = (
        sa.select(c.date, tickers.c.symbol)
        .join(tickers, tickers.c.ticker_id == c.ticker_id)
        .where(c.date.in_(sessions), ~sa.and_(sa.func.jsonb_exists_all(c.indicators, names), others == sa.text("'{}'")))
        .order_by(c.date, tickers.c.symbol)
    )
    return by_session(connection.execute(query), "rows without the 84 outputs")


def _rules(table: sa.Table, bounds: dict[str, Bounds]) -> dict[str, sa.ColumnElement[bool]]:
    c = table.c
    bands = sa.and_(c.bbands_lower <= c.bbands_middle, c.bbands_middle <= c.bbands_upper)
    return {**bounded(table, bounds), "bbands": bands}
