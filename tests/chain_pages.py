"""The vendor's chain pages for tests: rows in its JSON, and directories of recorded pages."""

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PAGE_ROWS = 250


def at_close(session: date) -> datetime:
    """When a chain of the session is taken: 16:20 in New York."""
    return datetime.combine(session, time(16, 20), ZoneInfo("America/New_York")).astimezone(UTC)


def contract_ticker(symbol: str, expiry: date, kind: str, strike: float) -> str:
    root = symbol.replace(".", "")
    return f"O:{root}{expiry:%y%m%d}{kind[0].upper()}{round(strike * 1000):08d}"


def vendor_row(
    symbol: str,
    session: date,
    expiry: date,
    kind: str,
    strike: float,
    *,
    oi: int | None = 100,
    volume: int | None = 10,
    iv: float | None = 0.3,
    greeks: dict[str, float] | None = None,
    close: float | None = 1.0,
    quote: tuple[float, float] | None = None,
    spot: float | None = None,
    shares: int = 100,
) -> dict[str, Any]:
    """One contract as the vendor sends it; what is None is not in it."""
    midnight = datetime.combine(session, time(), ZoneInfo("America/New_York"))
    row: dict[str, Any] = {
        "details": {
            "contract_type": kind,
            "exercise_style": "american",
            "expiration_date": expiry.isoformat(),
            "shares_per_contract": shares,
            "strike_price": strike,
            "ticker": contract_ticker(symbol, expiry, kind, strike),
        },
        "day": {},
        "greeks": greeks or {},
        "underlying_asset": {"ticker": symbol},
    }
    if volume is not None:
        stamp = int(midnight.timestamp()) * 10**9
        row["day"] = {"volume": volume, "last_updated": stamp} | ({} if close is None else {"close": close})
    if oi is not None:
        row["open_interest"] = oi
    if iv is not None:
        row["implied_volatility"] = iv
    if quote is not None:
        row["last_quote"] = {"bid": quote[0], "ask": quote[1]}
    if spot is not None:
        row["underlying_asset"]["price"] = spot
    return row


def pages_of(symbol: str, rows: Sequence[dict[str, Any]], host: str = "https://api.massive.com") -> list[bytes]:
    """The rows in the vendor's pages, each but the last with the address of the next one."""
    parts = [rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)] or [[]]
    pages = []
    for number, part in enumerate(parts, start=1):
        page: dict[str, Any] = {"request_id": f"r{number}", "results": list(part), "status": "OK"}
        if number < len(parts):
            page["next_url"] = f"{host}/v3/snapshot/options/{symbol}?cursor={number}"
        pages.append(json.dumps(page).encode())
    return pages


def record(root: Path, session: date, symbol: str, pages: Iterable[bytes], *, taken: datetime | None = None) -> Path:
    """Write pages where a recorded market has them; the directory of the take."""
    stamp = (taken or at_close(session)).strftime("%Y%m%dT%H%M%SZ")
    take = root / "v3/snapshot/options" / session.isoformat() / symbol / stamp
    take.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, start=1):
        (take / f"{number:04d}.json.gz").write_bytes(gzip.compress(page, compresslevel=1, mtime=0))
    return take
