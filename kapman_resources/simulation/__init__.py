"""A market that does not exist, written exactly as the vendor writes the real one.

It lets anyone run the system without an account, and lets tests know the truth: the same plan gives the
same bytes, and a market simulated through a later session begins with the same files. Below its directory:

    plan.json, market.json                        what it was drawn from; the marker, written last
    flatfiles/us_stocks_sip/day_aggs_v1/Y/M/D     day files
    rest/v3/reference/tickers/0001.json.gz ...    the ticker reference, page by page
    rest/stocks/v1/splits/0001.json.gz ...        the split reference, page by page
    rest/v3/snapshot/options/DAY/SYMBOL/TAKEN/0001.json.gz ...   option chains, page by page
    labels/                                       the truth, for tests alone: nothing else may read it

Option chains need the true raw close and the conditional volatility of each name in each session: `SessionBars`
out of `walk(plan, build_universe(plan), sessions)`, which they follow from its first session on.

One module has one reason to exist: `plan` (parameters), `universe` (names and lives), `traits` (what a name
keeps), `structures` (Wyckoff paths), `prices` (the daily process), `faults` (bad rows), `reference` (JSON
pages), `options` (a package: chains), `writer` (files), `market` (the order in which a market is written).
Nothing here reads the environment or knows the panel, the database or the asset graph.
"""

from kapman_resources.simulation.market import SimulationReport, simulate
from kapman_resources.simulation.plan import MarketPlan, WatchedName
from kapman_resources.simulation.prices import SessionBars, walk
from kapman_resources.simulation.universe import Security, build_universe

__all__ = [
    "MarketPlan",
    "Security",
    "SessionBars",
    "SimulationReport",
    "WatchedName",
    "build_universe",
    "simulate",
    "walk",
]
