"""The recorded market that the panel is looked at with: `python -m tests.browser.recorded_market DATA HOME` makes it.

Bars and chains are those beside the checkout, none of them copied into the project; the chains take the way of the
vendor's pages. FLATFILES_URL and OPTIONS_URL, which `environment` tells, name both halves, so that the warehouse is
claimed for a recorded market. What is asked of its pages is in the tests.
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from kapman_assets.cli.environment import prepare
from kapman_assets.cli.materialize import run_assets
from kapman_assets.market.reference import store_watchlist
from kapman_resources import database, schema
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import SECTOR_ETFS
from kapman_resources.watchlist import WatchedTicker, read_watchlist
from tests.integration.recorded_bars import copy_bars, recorded_bars
from tests.integration.test_real_options import SNAPSHOTS, record_chains

CLOSE = date(2026, 8, 21)
BEFORE = session_offset(CLOSE, -1)
"""The two sessions with chains and all that is calculated; few chains of the one before were recorded."""

CHAINS = "options/chains_liquid_2026-08-22.parquet"
CHAINS_BEFORE = "options/chains_history_6syms_6snaps_2026-07_08.parquet"
BARS = "flatfiles_2024_2026"

STOCKS = (
    "AAPL", "AMD", "AMZN", "BAC", "BKNG", "DELL", "JNJ", "META", "MSFT", "NEM", "NFLX", "NVDA", "PLTR", "T", "TSLA",
    "UNH", "VZ", "WMT", "XOM",
)  # fmt: skip
WITHOUT_BARS = ("BRK-B", "RIG")
"""Names whose chains are recorded and whose bars are not."""
FUNDS = ("XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLU", "XLV", "XLY")
WATCHED = tuple(dict.fromkeys([*STOCKS, *WITHOUT_BARS, *FUNDS, *SECTOR_ETFS]))
"""Those and the other funds of the sectors, whose chains nobody recorded."""
LATE = "MU"
"""Followed from the last session on: its signal is new there, so that it is advised on where its chain is known."""
WITH_CHAINS = (*STOCKS, *WITHOUT_BARS, *FUNDS, LATE)

_SESSIONS = 64
"""Of what is calculated from bars alone: twelve weeks of sparks, a quarter of events."""

_MAX_DTE = 120
"""The vendor is asked for no more: its pages hold half of what was recorded."""

_REFERENCE = "key:tickers or key:splits"
_OF_BARS = "key:ohlcv or key:etf_features or key:wyckoff_events or key:wyckoff_phases"


def environment(real_data: Path, home: Path) -> dict[str, str]:
    """What every process of this market is told beside the addresses of its databases."""
    return {
        "FLATFILES_URL": str(real_data / BARS),
        "OPTIONS_URL": str(home / "rest"),
        "RISK_FREE_RATE": "0.036",
    }


def build(real_data: Path, home: Path) -> None:
    """Record the chains, store the bars and materialise the rest; the databases are those of the environment."""
    _record(real_data, home / "rest")
    engine = database.make_engine(prepare().urls.warehouse, application_name="test")
    bars = recorded_bars(real_data)
    with engine.begin() as connection:
        known = sorted({*bars["symbol"], *WITH_CHAINS})
        connection.execute(sa.insert(schema.tickers), [{"symbol": symbol} for symbol in known])
        _watch(connection, "RECORDED", WATCHED)
    first = session_offset(CLOSE, 1 - _SESSIONS)
    copy_bars(engine, bars[bars["session"] < first])
    run_assets(_OF_BARS, sessions_between(first, BEFORE))
    run_assets(f"not ({_REFERENCE} or {_OF_BARS})", [BEFORE])
    with engine.begin() as connection:
        _watch(connection, "LATE", [LATE])
    run_assets(f"not ({_REFERENCE})", [CLOSE])
    engine.dispose()


def _record(real_data: Path, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    newest = pd.read_parquet(real_data / CHAINS, filters=[("underlying", "in", WITH_CHAINS)])
    before = pd.read_parquet(real_data / CHAINS_BEFORE)
    taken = before["snapshot_ts"].dt.strftime("%Y-%m-%d %H")
    prefix = next(prefix for prefix, session in SNAPSHOTS.items() if session == BEFORE)
    for session, chains in ((CLOSE, newest), (BEFORE, before[taken.str.startswith(prefix)])):
        days = (pd.to_datetime(chains["expiration"]) - pd.Timestamp(session)).dt.days
        record_chains(root, chains[days <= _MAX_DTE], session)


def _watch(connection: sa.Connection, portfolio: str, symbols: Sequence[str]) -> None:
    """Follow names as candidates; their sectors are those of the watchlist file, which does not know all of them."""
    sectors = {LATE: "Information Technology"} | {entry.symbol: entry.sector for entry in read_watchlist()}
    watched = [WatchedTicker(portfolio, symbol, "P1", sectors.get(symbol, "")) for symbol in symbols]
    store_watchlist(connection, watched, has_reference=False)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
