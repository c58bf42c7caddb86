"""`python -m benchmarks.write_universe DATABASE SESSION`: the screener's columns of a session, in an own process.

Prints what it took as JSON. A process of its own, because peak memory is a property of a process.
"""

import json
import resource
import sys
import time
from datetime import date

from kapman_assets.technicals.store import write_universe
from kapman_resources.database import make_engine


def main() -> None:
    """Write the session once to warm up and once to measure."""
    engine = make_engine(sys.argv[1], application_name="benchmarks")
    session = date.fromisoformat(sys.argv[2])
    write_universe(engine, [session])
    begun = time.perf_counter()
    written = write_universe(engine, [session])
    seconds = time.perf_counter() - begun
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes, "rows": written[session]}))


if __name__ == "__main__":
    main()
