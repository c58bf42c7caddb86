"""`python -m benchmarks.take_chains DATABASE VENDOR RAW SESSION`: take every chain once, in a process of its own.

Prints what it took as JSON. A process of its own, because peak memory is a property of a process.
"""

import json
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date

from pydantic import SecretStr

from kapman_assets.options import chain_store
from kapman_assets.options.ingest import Terms, store_live
from kapman_resources.database import make_engine
from kapman_resources.polygon import Polygon
from kapman_resources.raw_pages import RawPages
from kapman_resources.settings import Settings


@dataclass(frozen=True)
class TakeCost:
    """Seconds from the first request to the last commit; peak resident bytes; contracts stored; names by status."""

    seconds: float
    peak_bytes: int
    contracts: int
    pages: int
    statuses: dict[str, int]


def main() -> None:
    """Take the chains of every watched name with the settings' own pace and bounds."""
    database, vendor, raw, session = sys.argv[1], sys.argv[2], sys.argv[3], date.fromisoformat(sys.argv[4])
    settings = Settings(_env_file=None)
    terms = Terms(settings.options_max_dte, (settings.options_lowest_strike, settings.options_highest_strike))
    engine = make_engine(database, application_name="benchmarks")
    with engine.connect() as connection:
        chain_store.make_room(connection, [session])
        watched = chain_store.read_watched(connection, session, None)
    begun = time.perf_counter()
    polygon = Polygon.open(
        vendor,
        api_key=SecretStr("benchmark"),
        requests_per_second=settings.polygon_requests_per_second,
        concurrency=settings.polygon_concurrency,
    )
    kept = RawPages.open(raw)
    report = store_live(engine, polygon, kept, session, watched=watched, terms=terms, run_id=None)
    seconds = time.perf_counter() - begun
    engine.dispose()
    cost = TakeCost(
        seconds=seconds,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        contracts=sum(chain.contracts for chain in report.chains),
        pages=sum(chain.pages for chain in report.chains),
        statuses=dict(Counter(chain.status.value for chain in report.chains)),
    )
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    main()
