"""How long `kapman up` takes until Dagster answers: from nothing but an installed project, and again."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed

_SECONDS = 300


def measure(laboratory: Laboratory) -> list[Row]:
    """A first start in an empty home, and a second one in the same."""
    home = laboratory.home / "start"
    size = f"{laboratory.sizes.small_names} names, {laboratory.sizes.small_sessions} sessions"
    first, second = _start(home, laboratory.sizes.small_sessions), _start(home, laboratory.sizes.small_sessions)
    return [
        timed(
            "first start: kapman up until Dagster answers",
            size,
            [first],
            max_seconds=180.0,
            note="simulated, database made, materialised, four processes started; dependencies installed",
        ),
        timed("second start", size, [second], max_seconds=20.0, note="nothing is missing"),
    ]


def _start(home: Path, sessions: int) -> float:
    """Seconds until `kapman up` says its address; it is stopped again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kapman = Path(sys.executable).with_name("kapman")
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 the project's own command
        [str(kapman), "up", "--headless", "--port", str(port), "--sessions", str(sessions)],
        env={**keep, "KAPMAN_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if f"127.0.0.1:{port}" in line:
            seconds = time.perf_counter() - begun
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_SECONDS)
            return seconds
    raise RuntimeError(f"kapman up ended with code {process.wait()}")
