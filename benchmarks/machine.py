"""What the suite ran on: hardware, versions, the server's settings that decide what a commit costs."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.laboratory import Laboratory

_SERVER_SETTINGS = (
    "fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_compression", "shared_buffers",
    "max_wal_size", "autovacuum",
)  # fmt: skip


def facts(laboratory: Laboratory) -> dict[str, Any]:
    """Everything that a reader needs to judge the numbers; no name of a host, a user or a directory."""
    with psycopg.connect(laboratory.url("postgres")) as connection:
        server = connection.info.parameter_status("server_version")
        settings = {name: _setting(connection, name) for name in _SERVER_SETTINGS}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": server,
        "server_settings": settings,
    }


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return "" if row is None else str(row[0])


def _cpu_model() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
