"""`python -m benchmarks.run_selection SELECT FIRST LAST`: one Dagster run of any assets in a process of its own.

Prints what it took as JSON. A process of its own, because peak memory is a property of a process.
"""

import json
import sys
import time
import warnings
from datetime import date

from benchmarks.run_assets import peak_bytes
from kapman_assets.cli.materialize import run_assets
from kapman_resources.sessions import sessions_between


def main() -> None:
    """Run the selection over the sessions from the second argument to the third."""
    warnings.filterwarnings("ignore", message=r".*currently in (beta|preview)")
    select = sys.argv[1]
    first, last = map(date.fromisoformat, sys.argv[2:])
    # Loading the graph is the start of a process, not an evening's work.
    from kapman_assets.definitions import defs

    defs.resolve_asset_graph()
    begun = time.perf_counter()
    run_assets(select, sessions_between(first, last))
    print(json.dumps({"seconds": time.perf_counter() - begun, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
