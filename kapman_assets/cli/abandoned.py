"""Runs that this machine's `kapman` processes began and did not live to end.

A run that Dagster launches is watched by its daemon; one that runs inside a command dies with it unseen, and its
sessions would count as being materialised for hours. Each such run carries the process it lives in, and the next
command closes those whose process is gone.
"""

import socket
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import dagster as dg

PROCESS_TAG = "kapman/process"


def process_tag() -> dict[str, str]:
    """The tag of a run inside this process."""
    return {PROCESS_TAG: _name_of(psutil.Process())}


def close_abandoned_runs(instance: "dg.DagsterInstance") -> list[str]:
    """Report the runs of dead processes of this machine as failed; their ids."""
    import dagster as dg

    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
    closed = []
    for run in instance.get_runs(unfinished):
        process = run.tags.get(PROCESS_TAG)
        if process is not None and _is_of_this_machine(process) and not _is_alive(process):
            instance.report_run_failed(run, "The process that this run lived in ended before it. Start the run again.")
            closed.append(run.run_id)
    return closed


def _name_of(process: psutil.Process) -> str:
    # With the time of its start, since a pid is given out again.
    return f"{process.pid}@{process.create_time():.0f}@{socket.gethostname()}"


def _is_of_this_machine(name: str) -> bool:
    return name.endswith(f"@{socket.gethostname()}")


def _is_alive(name: str) -> bool:
    try:
        process = psutil.Process(int(name.partition("@")[0]))
        return process.status() != psutil.STATUS_ZOMBIE and _name_of(process) == name
    except psutil.NoSuchProcess:
        return False
