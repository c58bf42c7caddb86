"""Day files as the vendor writes them, built by tests row by row."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"

Bar = tuple[float, float, float, float, float]
"""open, high, low, close, volume"""


def midnight_ns(session: date) -> int:
    """Midnight New York in nanoseconds since 1970."""
    return int(datetime.combine(session, time(), ZoneInfo("America/New_York")).timestamp()) * 10**9


def line(symbol: str, session: date, bar: Bar, transactions: object = 10) -> str:
    """One row of a day file."""
    opened, high, low, close, volume = bar
    return f"{symbol},{volume},{opened},{close},{high},{low},{midnight_ns(session)},{transactions}"


def day_file(lines: Sequence[str], header: str = HEADER) -> bytes:
    """A gzipped day file."""
    return gzip.compress("\n".join([header, *lines, ""]).encode())


def bars_file(session: date, bars: Mapping[str, Bar]) -> bytes:
    """A day file of good rows."""
    return day_file([line(symbol, session, bar) for symbol, bar in bars.items()])


def path_of(root: Path, session: date) -> Path:
    """Where a directory of flat files holds a session."""
    return root / f"us_stocks_sip/day_aggs_v1/{session:%Y/%m}/{session.isoformat()}.csv.gz"


def write_day(root: Path, session: date, content: bytes | Mapping[str, Bar]) -> Path:
    """Put a session into a directory of flat files."""
    target = path_of(root, session)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else bars_file(session, content))
    return target
