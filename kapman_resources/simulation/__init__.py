"""A market that does not exist, written exactly as the vendor writes the real one.

It lets anyone run the system without an account, and lets tests know the truth: the same plan gives the
same bytes, and a market simulated through a later session begins with the same files. Below its directory:

    plan.json, market.json                        what it was drawn from; the marker, written last
    flatfiles/us_stocks_sip/day_aggs_v1/Y/M/D     day files
    rest/v3/reference/tickers/0001.json.gz ...    the ticker reference, page by page
    rest/stocks/v1/splits/0001.json.gz ...        the split reference, page by page
    labels/                                       the truth, for tests alone: nothing else may read it

Option chains have their place below `rest/v3/snapshot/options/`. What they need of the stocks, the true raw
close and the conditional volatility of each name in each session, is `SessionBars` out of
`walk(plan, build_universe(plan), sessions)`: walking again gives the same numbers.

One module has one reason to exist: `plan` (parameters), `universe` (names and lives), `traits` (what a name
keeps), `structures` (Wyckoff paths), `prices` (the daily process), `faults` (bad rows), `reference` (JSON
pages), `writer` (files), `market` (the order in which a market is written). Nothing here reads the environment
or knows the panel, the database or the asset graph.
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
