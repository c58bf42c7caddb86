"""Stored recommendations with what came after them: bars, splits, prices of their contracts. Reads, writes nothing.

What is made of it is the business of the stores that ask.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa

from kapman_assets.decisions.contracts import Listed, price_of
from kapman_assets.decisions.judgement import PATIENCE, Bars, Terms
from kapman_assets.decisions.option_result import HeldLeg, OptionResult, option_result
from kapman_assets.decisions.outcomes import Issued
from kapman_assets.market.bar_tables import BarTable, Splits, read_bars, read_splits
from kapman_resources.schema import recommendation_legs, recommendations
from kapman_resources.sessions import session_offset

Prices = Mapping[tuple[date, int], Mapping[str, float | None]]
"""By session and name the price of each contract in the chain, USD a share, None where it has none."""


@dataclass(frozen=True)
class Followed:
    """A recommendation and the bars after its session, in that session's shares, up to the last one asked for."""

    issued: Issued
    bars: Bars
    splits: tuple[date, ...]

    def until(self, session: date) -> Bars:
        """The bars that are known at a session."""
        count = sum(day <= session for day in self.bars.date)
        return Bars(self.bars.date[:count], *(values[:count] for values in self.bars[1:]))

    def result(self, session: date, prices: Prices) -> OptionResult:
        """What its contracts brought by the end of a session."""
        known = self.until(session)
        return option_result(
            self.issued.legs,
            session,
            chain=prices.get((session, self.issued.ticker_id)),
            closes=dict(zip(known.date, known.close.tolist(), strict=True)),
            is_split=any(day <= session for day in self.splits),
        )


def read_followed(connection: sa.Connection, first: date, last: date) -> list[Followed]:
    """The recommendations that can be open in any session from `first` to `last`, by session of issue and name."""
    table = recommendations
    query = (
        sa.select(
            table.c.date, table.c.ticker_id, table.c.symbol, table.c.action, table.c.direction, table.c.entry_price,
            table.c.stop_loss, table.c.profit_target, table.c.last_session, table.c.neutral_band, table.c.confidence,
            table.c.max_loss,
        )
        .where(table.c.date < last, table.c.last_session >= session_offset(first, -PATIENCE))
        .order_by(table.c.date, table.c.ticker_id)
    )  # fmt: skip
    rows = connection.execute(query).all()
    if not rows:
        return []
    legs = _read_legs(connection, rows[0].date, last)
    symbols = sorted({row.symbol for row in rows})
    bars = dict(read_bars(connection, rows[0].date, last, watched=False, also=symbols).names())
    splits = read_splits(connection)
    followed = []
    for row in rows:
        own = tuple(legs[row.date, row.ticker_id])
        expiry = min((leg.expiration_date for leg in own), default=None)
        terms = Terms(
            issued=row.date,
            direction=row.direction,
            entry_price=row.entry_price,
            stop_loss=row.stop_loss,
            profit_target=row.profit_target,
            last_session=row.last_session,
            expires=expiry is not None and expiry < session_offset(row.last_session, 1),
        )
        issued = Issued(row.ticker_id, row.action, terms, row.neutral_band, row.confidence, row.max_loss, own)
        after, days = _after(bars.get(row.ticker_id), splits, row.ticker_id, row.date, last)
        followed.append(Followed(issued, after, days))
    return followed


def read_prices(connection: sa.Connection, wanted: Iterable[tuple[Followed, date]]) -> Prices:
    """Prices of the contracts of ideas in sessions; a chain that is stored has its entry, an empty one perhaps."""
    keys = [
        {"date": session, "ticker_id": one.issued.ticker_id, "contract": leg.contract}
        for one, session in wanted
        for leg in one.issued.legs
    ]
    parameters = {name: [key[name] for key in keys] for name in ("date", "ticker_id", "contract")}
    prices: dict[tuple[date, int], dict[str, float | None]] = {}
    for row in connection.execute(sa.text(_CHAINS), parameters) if keys else ():
        chain = prices.setdefault((row.date, row.ticker_id), {})
        if row.contract is not None:
            priced = price_of(Listed(**{name: getattr(row, name) for name in _LISTED}), row.date)
            chain[row.contract] = None if priced is None else priced[0]
    return prices


_LISTED = (
    "contract", "contract_type", "strike", "expiration_date", "multiplier", "is_standard", "volume", "bid", "ask",
    "last", "traded_at", "close",
)  # fmt: skip

_CHAINS = """
    SELECT s.date, s.ticker_id, c.contract, c.contract_type, c.strike, c.expiration_date, c.multiplier, c.is_standard,
           c.volume, c.bid, c.ask, c.last, c.traded_at, c.close
    FROM (
        SELECT DISTINCT * FROM unnest(
            CAST(:date AS date[]), CAST(:ticker_id AS integer[]), CAST(:contract AS text[])
        ) AS asked (date, ticker_id, contract)
    ) AS w
    JOIN options_chain_status s ON s.date = w.date AND s.ticker_id = w.ticker_id AND s.contracts > 0
    LEFT JOIN options_chains c ON c.date = w.date AND c.ticker_id = w.ticker_id AND c.contract = w.contract"""


def _read_legs(connection: sa.Connection, first: date, last: date) -> Mapping[tuple[date, int], list[HeldLeg]]:
    table = recommendation_legs
    legs = defaultdict[tuple[date, int], list[HeldLeg]](list)
    query = sa.select(table).where(table.c.date.between(first, last)).order_by(table.c.leg)
    for row in connection.execute(query):
        legs[row.date, row.ticker_id].append(
            HeldLeg(
                row.contract, row.side, row.quantity, row.contract_type, row.strike, row.expiration_date,
                row.multiplier, row.price,
            )
        )  # fmt: skip
    return legs


def _after(
    own: BarTable | None, splits: Splits, ticker_id: int, issued: date, last: date
) -> tuple[Bars, tuple[date, ...]]:
    """The bars after a session in its shares, and the splits executed after it.

    Ratios of the splits in between alone are multiplied: with those of all splits, a later one would change the last
    digit of a price that is held against a stop.
    """
    between = splits.between(ticker_id, issued, last)
    if own is None:
        nothing = np.empty(0)
        return Bars([], nothing, nothing, nothing, nothing), tuple(sorted(between))
    later = own[slice(int(np.searchsorted(own.date, np.datetime64(issued, "D"), side="right")), None)]
    ratio = np.ones(len(later))
    for executed, each in between.items():
        ratio[later.date >= np.datetime64(executed, "D")] /= each
    prices = (values * ratio for values in (later.open, later.high, later.low, later.close))
    return Bars(later.date.tolist(), *prices), tuple(sorted(between))
