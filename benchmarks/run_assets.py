"""`python -m benchmarks.run_assets FIRST LAST`: one Dagster run of `ohlcv` in a process of its own.

Prints what it took as JSON. A process of its own, because peak memory is a property of a process.
"""

import json
import resource
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import dagster as dg
from dagster._core.execution.stats import RunStepKeyStatsSnapshot

from kapman_assets.cli.materialize import run_assets
from kapman_resources.sessions import sessions_between


@dataclass(frozen=True)
class RunCost:
    """Seconds of the asset's step, of its checks' step and of the whole run; peak resident bytes."""

    asset: float
    checks: float
    whole: float
    peak_bytes: int


def main() -> None:
    """Run the asset over the sessions from the first argument to the second."""
    warnings.filterwarnings("ignore", message=r".*currently in (beta|preview)")
    first, last = map(date.fromisoformat, sys.argv[1:])
    begun = time.perf_counter()
    result = run_assets("ohlcv", sessions_between(first, last))
    whole = time.perf_counter() - begun
    # Before anything else needs memory.
    peak = peak_bytes()
    with dg.DagsterInstance.get() as instance:
        seconds = {step.step_key: _seconds(step) for step in instance.get_run_step_stats(result.run_id)}
    print(json.dumps(asdict(RunCost(seconds["ohlcv"], seconds["ohlcv_checks"], whole, peak))))


def _seconds(step: RunStepKeyStatsSnapshot) -> float:
    assert step.start_time is not None
    assert step.end_time is not None
    return step.end_time - step.start_time


def peak_bytes() -> int:
    """Peak resident memory of this process since its program began."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss, which on Linux begins with the peak of the process that started this one.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
