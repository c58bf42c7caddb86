"""No stored row of a session knows anything later: a history made in one run against each evening made alone.

One warehouse holds everything and computes the range at once. The other one grows a session at a time: its bars, splits
and chains end on the session that is computed. Rows of the same session must be equal, column for column: to the last
bit, or to a rounding where a price was adjusted for a split.
"""

import contextlib
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.etf.store import write_features
from kapman_assets.market.reference import split_frame, store_splits
from kapman_assets.market.split_factors import with_factors
from kapman_assets.options import chain_store, metrics_store
from kapman_assets.options.ingest import Terms, store_recorded
from kapman_assets.options.session_metrics import BARS, session_metrics
from kapman_assets.options.volatility import HISTORY_WINDOW
from kapman_assets.sql_models import load_models
from kapman_assets.technicals.store import write_indicators, write_universe
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.store import write_readings
from kapman_resources import database, derived, partitioning, schema
from kapman_resources.dagster_resources import PolygonResource
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.raw_pages import RawPages
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import SECTOR_ETFS
from kapman_resources.simulation import simulate
from tests.conftest import new_warehouse
from tests.integration.recorded_bars import copy_bars, recorded_bars
from tests.integration.rounding import close_to
from tests.unit.simulation.markets import CHAIN_WATCHED as WATCHED
from tests.unit.simulation.markets import LAST, bars, chain_plan_of, rest_pages

pytestmark = pytest.mark.no_cover
"""Long, and other tests trace the same code."""

TABLES = {
    table.name: table
    for table in (
        schema.universe_technicals,
        schema.technical_indicators,
        schema.price_metrics,
        schema.volatility_metrics,
        schema.dealer_metrics,
        schema.wyckoff_events,
        schema.wyckoff_phases,
        schema.etf_features,
        schema.daily_snapshots,
    )
}
OF_EVERY_SESSION = TABLES.keys() - {"wyckoff_events", "volatility_metrics", "dealer_metrics"}
"""Tables in which a name with a bar has a row."""
CUTS = 200
"""Names on random sessions that are compared at least."""
TERMS = Terms(max_dte=120, moneyness=(0.5, 1.5), rate=0.04)
(SNAPSHOTS,) = (model for model in load_models() if model.name == schema.daily_snapshots.name)

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Market:
    """What there is to know of a market, by session.

    Attributes:
        bars: symbol, session, open, high, low, close, volume, as traded.
        watched: symbols that indicators and readings are made of.
        funds: symbols that ETF features are made of.
        splits: the vendor's rows of every split.
        chains: recorded pages; None where there are none.
    """

    bars: pd.DataFrame
    watched: Sequence[str]
    funds: Sequence[str]
    splits: Sequence[Mapping[str, Any]] = ()
    chains: RawPages | None = None


class Evenings:
    """A warehouse that learns a market session by session."""

    def __init__(self, engine: sa.Engine, market: Market) -> None:
        self.engine, self.market = engine, market
        symbols = sorted(set(market.bars["symbol"]) | set(market.watched))
        with engine.begin() as connection:
            rows = [{"symbol": symbol, "options_enabled": symbol in market.watched} for symbol in symbols]
            connection.execute(sa.insert(schema.tickers), rows)
            self.ids = dict(connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all())

    def learn(self, sessions: Sequence[date]) -> None:
        """Bars, splits and chains of some sessions, the splits as they were known on the last of them."""
        split_rows = [row for row in self.market.splits if row["execution_date"] <= sessions[-1].isoformat()]
        copy_bars(self.engine, self.market.bars[self.market.bars["session"].isin(sessions)])
        with self.engine.connect() as connection:
            partitioning.make_room(connection, ["options_chains", "universe_technicals"], sessions)
        with self.engine.begin() as connection:
            if split_rows:
                store_splits(connection, with_factors(split_frame(split_rows)))
        taken = set() if self.market.chains is None else set(self.market.chains.sessions())
        for session in sorted(taken & set(sessions)):
            assert self.market.chains is not None
            with self.engine.connect() as connection:
                watched = chain_store.read_watched(connection, session, None)
            store_recorded(self.engine, self.market.chains, session, watched=watched, terms=TERMS, run_id=None)

    def measure(self, session: date) -> None:
        """The option metrics, which rest on those of the sessions before."""
        with self.engine.connect() as connection:
            rows = session_metrics(
                session,
                metrics_store.read_chains(connection, session),
                *metrics_store.read_bars(connection, session, BARS),
                metrics_store.read_iv_history(connection, session, HISTORY_WINDOW),
            )
        metrics_store.write_metrics(self.engine, session, rows)

    def compute(self, sessions: Sequence[date]) -> None:
        """Everything of some sessions, as the assets do it in one run."""
        write_universe(self.engine, sessions)
        write_indicators(self.engine, sessions)
        write_readings(self.engine, sessions, Parameters(), everyone=False)
        write_features(self.engine, sessions, self.market.funds)
        for session in sessions:
            self.measure(session)
        with self.engine.begin() as connection:
            columns = [column.name for column in SNAPSHOTS.columns]
            derived.replace_sessions(connection, SNAPSHOTS.name, SNAPSHOTS.sql, columns, sessions)

    def rows(self, session: date) -> Rows:
        """Every row of the session by table and key, with every column."""
        with self.engine.connect() as connection:
            return {
                name: {
                    tuple(row[column.name] for column in table.primary_key): dict(row)
                    for row in connection.execute(sa.select(table).where(table.c.date == session)).mappings()
                }
                for name, table in TABLES.items()
            }


@pytest.fixture
def evenings(postgres: EmbeddedPostgres, template: str) -> Iterator[Callable[[Market], Evenings]]:
    """Makes warehouses that know nothing of a market yet."""
    with contextlib.ExitStack() as stack:

        def make(market: Market) -> Evenings:
            engine = database.make_engine(stack.enter_context(new_warehouse(postgres, template)), application_name="t")
            stack.callback(engine.dispose)
            return Evenings(engine, market)

        yield make


def compared(whole: Evenings, alone: Evenings, span: Sequence[date], chosen: Sequence[date]) -> Counter[str]:
    """Compute the span in one run, and chosen sessions each on its evening; how many rows of names were compared.

    Both know the sessions before the span. Some sessions in which an event was confirmed are chosen besides.
    """
    market = whole.market
    taken = set() if market.chains is None else set(market.chains.sessions())
    has_split = {whole.ids[row["ticker"]] for row in market.splits if row["ticker"] in whole.ids}
    whole.learn(span)
    whole.compute(span)
    with whole.engine.connect() as connection:
        eventful = connection.scalars(sa.text("SELECT DISTINCT date FROM wyckoff_events ORDER BY date LIMIT 6")).all()
    counts = Counter[str]()
    for session in span:
        alone.learn([session])
        if session in chosen or session in eventful:
            alone.compute([session])
            expected, found = alone.rows(session), whole.rows(session)
            for table, rows in expected.items():
                assert found[table].keys() == rows.keys(), (session, table)
                for key, row in rows.items():
                    same = close_to if key[1] in has_split else operator.eq
                    assert same(found[table][key], row), (session, table, key)
                counts[table] += len({key[1] for key in rows})
        elif session in taken:
            alone.measure(session)
    return counts


def test_simulated_sessions_know_nothing_later(evenings: Callable[[Market], Evenings], tmp_path: Path) -> None:
    first, span = date(2024, 6, 3), sessions_between(date(2025, 12, 18), LAST)
    chains_from = session_offset(LAST, -24)
    simulate(
        tmp_path, chain_plan_of(first_session=first, first_chain_session=chains_from, fault_rate=0.0), through=LAST
    )
    market = with_splits(
        Market(
            bars=bars(tmp_path).rename(columns={"ticker": "symbol"}),
            watched=[name.symbol for name in WATCHED],
            funds=[name.symbol for name in WATCHED],
            splits=[row for page in rest_pages(tmp_path, "stocks/v1/splits") for row in page["results"]],
            chains=PolygonResource(location=str(tmp_path / "rest")).chains_recorded(),
        ),
        # Of names with a chain before there are any; thirds are no floats, and halves are.
        {"NOPT": (span[30], 3), "CH": (span[10], 3), "CG": (span[-30], 2)},
    )
    whole, alone = evenings(market), evenings(market)
    for warehouse in (whole, alone):
        warehouse.learn(sessions_between(first, session_offset(span[0], -1)))
        seed_implied_volatility(warehouse, span[0])
    rng = np.random.default_rng(42)
    chosen = [span[place] for place in rng.choice(len(span), 15, replace=False)]

    counts = compared(whole, alone, span, chosen)

    assert min(counts[table] for table in OF_EVERY_SESSION) >= CUTS
    assert min(counts[table] for table in ("dealer_metrics", "volatility_metrics")) >= 50
    assert counts["wyckoff_events"] >= 5
    with whole.engine.connect() as connection:
        known = connection.execute(
            sa.text("SELECT count(dgpi), count(average_iv), count(iv_rank), count(sma_200) FROM daily_snapshots")
        ).one()
    # That the columns of a snapshot are compared with something in them.
    assert min(known) > CUTS / 2


def with_splits(market: Market, ratios: Mapping[str, tuple[date, int]]) -> Market:
    """The market with more splits: by symbol when it was executed, and into how many shares."""
    found, rows = market.bars.copy(), list(market.splits)
    for symbol, (day, ratio) in ratios.items():
        before = (found["symbol"] == symbol) & (found["session"] < day)
        assert before.any()
        found.loc[before, ["open", "high", "low", "close"]] *= ratio
        found.loc[before, "volume"] /= ratio
        rows.append({"ticker": symbol, "execution_date": day.isoformat(), "split_from": 1, "split_to": ratio})
    return replace(market, bars=found, splits=rows)


def seed_implied_volatility(warehouse: Evenings, before: date) -> None:
    """A history of implied volatility that a rank can be taken in."""
    rng = np.random.default_rng(7)
    days = sessions_between(session_offset(before, -80), session_offset(before, -1))
    rows = [
        {
            "date": day, "ticker_id": warehouse.ids[symbol], "iv_30d": float(rng.uniform(0.1, 0.6)),
            "history_n": 0, "contracts_analyzed": 0, "smiles": [], "null_reasons": {},
        }
        for symbol in warehouse.market.watched
        for day in days
    ]  # fmt: skip
    with warehouse.engine.begin() as connection:
        connection.execute(sa.insert(schema.volatility_metrics), rows)


@pytest.mark.real_data
def test_recorded_sessions_know_nothing_later(evenings: Callable[[Market], Evenings], real_data: Path) -> None:
    found = recorded_bars(real_data)
    rng = np.random.default_rng(43)
    last = max(found["session"])
    span = sessions_between(date(2026, 6, 22), last)
    traded = sorted(set(found.loc[found["session"] == last, "symbol"]))
    # The market's index, and two names in whose summer something happened.
    watched = sorted({*rng.choice(traded, 13, replace=False).tolist(), "SPY", "ORLY", "PH"})
    market = Market(bars=found, watched=watched, funds=SECTOR_ETFS)
    whole, alone = evenings(market), evenings(market)
    for warehouse in (whole, alone):
        warehouse.learn(sessions_between(min(found["session"]), session_offset(span[0], -1)))
    chosen = [span[place] for place in rng.choice(len(span), 18, replace=False)]

    counts = compared(whole, alone, span, chosen)

    assert min(counts[table] for table in OF_EVERY_SESSION) >= CUTS
    assert counts["wyckoff_events"] >= 2
