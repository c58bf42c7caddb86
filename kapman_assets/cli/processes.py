"""Runs child processes for as long as this one lives, and never longer.

Knows nothing of Dagster. A child gets a session of its own, so that Ctrl-C reaches only this process, which
then stops its children in reverse order; on Linux the kernel ends them even if this process is killed.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx
import psutil

from kapman_resources.errors import KapmanError

_STOP_SECONDS = 15.0
_LISTEN_SECONDS = 90.0
_LOG_LINES = 20


@dataclass(frozen=True)
class Child:
    """A process to run: its name, command, environment, log file, and the address it will listen at, if any."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    listens_at: tuple[str, int] | None


def run_until_stopped(children: list[Child], *, on_ready: Callable[[], None]) -> None:
    """Start the first child, which the others ask, and these together once it listens; return when told to stop.

    Told by SIGINT, SIGTERM or SIGHUP. Every child and whatever it started has ended when this returns.

    Raises:
        KapmanError: a child ended by itself; the others are stopped, and the message holds the end of its log.
    """
    stop = _StopRequest()
    running: list[tuple[Child, subprocess.Popen[bytes]]] = []
    try:
        for child in children:
            running.append((child, _spawn(child)))
            if len(running) == 1:
                _wait_for(child, running, stop)
        for child in children[1:]:
            _wait_for(child, running, stop)
        if not stop.requested:
            on_ready()
        while not stop.requested:
            _require_alive(running)
            time.sleep(0.2)
    finally:
        _stop_all([process for _, process in reversed(running)])
        stop.restore()


def wait_until_answering(url: str, seconds: float) -> None:
    """Wait until `url` answers with 200.

    Raises:
        KapmanError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise KapmanError(f"{url} did not answer within {seconds:.0f} s; see the logs under KAPMAN_HOME/logs.")


class _StopRequest:
    """Whether a signal asked to stop; further ones change nothing until `restore`."""

    def __init__(self) -> None:
        self.requested = False
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._previous = {number: signal.signal(number, self._request) for number in signals}

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True

    def restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def _spawn(child: Child) -> subprocess.Popen[bytes]:
    child.log.parent.mkdir(parents=True, exist_ok=True)
    with child.log.open("wb") as log:
        return subprocess.Popen(  # noqa: S603 commands are Kapman's own
            (sys.executable, "-m", "kapman_assets.cli.child", *child.command),
            env=os.environ | child.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for(child: Child, running: list[tuple[Child, subprocess.Popen[bytes]]], stop: _StopRequest) -> None:
    if child.listens_at is None:
        return
    deadline = time.monotonic() + _LISTEN_SECONDS
    while not stop.requested:
        _require_alive(running)
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(child.listens_at) == 0:
                return
        if time.monotonic() > deadline:
            raise KapmanError(f"The {child.name} does not listen after {_LISTEN_SECONDS:.0f} s.\n{_tail(child.log)}")
        time.sleep(0.1)


def _require_alive(running: list[tuple[Child, subprocess.Popen[bytes]]]) -> None:
    for child, process in running:
        if process.poll() is not None:
            raise KapmanError(f"The {child.name} ended with code {process.returncode}.\n{_tail(child.log)}")


def _stop_all(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask each process to end, then make sure of it and of everything it started."""
    family = [psutil.Process(process.pid) for process in processes if process.poll() is None]
    family += [descendant for parent in family for descendant in parent.children(recursive=True)]
    for process in processes:
        if process.poll() is None:
            process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for leftover in alive:
        leftover.kill()
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join([f"{log} ends with:", *lines])
