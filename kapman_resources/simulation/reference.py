"""The vendor's reference pages: tickers and splits, in the JSON of its REST interface.

Holds the pages' content as the market knows it at its last session. Where they are written belongs to
`writer`; prices and rows of day files do not belong here.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from string import ascii_uppercase, digits
from typing import Any, NamedTuple

import numpy as np

from kapman_resources.sessions import session_offset
from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.universe import Kind, Security

PAGE_ROWS = 1000
"""The most rows that the vendor puts on a page."""

TICKERS_PATH = "v3/reference/tickers"
SPLITS_PATH = "stocks/v1/splits"
HOST = "https://api.massive.com"

_FIGI_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ" + digits
_FIGI_SYMBOLS = digits + ascii_uppercase
_EXCHANGES = ("XNYS", "XNAS")
_ETF_EXCHANGE = "ARCX"


class ExecutedSplit(NamedTuple):
    """A split as the reference lists it: on `session`, `split_from` old shares became `split_to`."""

    symbol: str
    session: date
    split_from: int
    split_to: int


def ticker_rows(plan: MarketPlan, securities: Sequence[Security], sessions: Sequence[date]) -> list[dict[str, Any]]:
    """Rows of the ticker reference as of the last of `sessions`: the active names, then the delisted ones.

    Names that list later are absent. Of the plan's dead symbols every second one is here, delisted a
    session before the market begins.
    """
    kept = [(security, security.delisted_on(sessions)) for security in securities if security.listed < len(sessions)]
    dead = {symbol: place for place, symbol in enumerate(sorted(plan.dead))}
    kept += [
        (
            Security(watched.symbol, watched.name, Kind.ETF if watched.is_etf else Kind.COMMON, watched.sector),
            session_offset(sessions[0], -1),
        )
        for watched in plan.watched
        if dead.get(watched.symbol, 1) % 2 == 0
    ]
    rows = [_ticker_row(plan, security, delisted, sessions[-1]) for security, delisted in kept]
    return sorted(rows, key=lambda row: (not row["active"], row["ticker"]))


def split_rows(splits: Sequence[ExecutedSplit]) -> list[dict[str, Any]]:
    """Rows of the split reference, newest first.

    `historical_adjustment_factor` is the product of split_from / split_to over the split itself and all
    later ones of its symbol: what a price before the execution date is multiplied with.
    """
    factors: dict[str, float] = {}
    rows = []
    for split in sorted(splits, key=lambda split: (split.session, split.symbol), reverse=True):
        factors[split.symbol] = factors.get(split.symbol, 1.0) * split.split_from / split.split_to
        is_forward = split.split_to > split.split_from
        rows.append(
            {
                "id": "E" + hashlib.sha256(f"{split.symbol} {split.session}".encode()).hexdigest(),
                "ticker": split.symbol,
                "execution_date": split.session.isoformat(),
                "split_from": split.split_from,
                "split_to": split.split_to,
                "adjustment_type": "forward_split" if is_forward else "reverse_split",
                "historical_adjustment_factor": factors[split.symbol],
            }
        )
    return rows


def pages(path: str, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The vendor's pages of these rows, at least one; each but the last names the next one."""
    starts = range(0, max(len(rows), 1), PAGE_ROWS)
    for number, start in enumerate(starts, start=1):
        results = rows[start : start + PAGE_ROWS]
        page: dict[str, Any] = {
            "results": list(results),
            "status": "OK",
            "request_id": hashlib.md5(f"{path} {number}".encode(), usedforsecurity=False).hexdigest(),
            "count": len(results),
        }
        if number < len(starts):
            page["next_url"] = f"{HOST}/{path}?cursor=page{number + 1:04d}"
        yield page


def _ticker_row(plan: MarketPlan, security: Security, delisted: date | None, updated: date) -> dict[str, Any]:
    # Keyed by the symbol, so that a name keeps its identifiers whatever else is in the market.
    rng = plan.rng(Stream.IDENTITIES, int.from_bytes(security.symbol.encode()))
    exchange = _ETF_EXCHANGE if security.kind is Kind.ETF else _EXCHANGES[int(rng.integers(len(_EXCHANGES)))]
    row: dict[str, Any] = {
        "ticker": security.symbol,
        "name": security.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": exchange,
        "type": security.kind.value,
        "active": delisted is None,
        "currency_name": "usd",
        "cik": f"{int(rng.integers(10**6, 10**7)):010d}",
        "composite_figi": _figi("BBG00", rng),
        "share_class_figi": _figi("BBG001S", rng),
        "last_updated_utc": f"{updated}T00:00:00Z",
    }
    if delisted is not None:
        row["delisted_utc"] = f"{delisted}T00:00:00Z"
    return row


def _figi(prefix: str, rng: np.random.Generator) -> str:
    """A well-formed identifier: 11 characters and the check digit of the FIGI standard (a Luhn variant)."""
    body = prefix + "".join(_FIGI_LETTERS[i] for i in rng.integers(len(_FIGI_LETTERS), size=11 - len(prefix)))
    values = [_FIGI_SYMBOLS.index(letter) * (1 + place % 2) for place, letter in enumerate(body)]
    total = sum(digit for value in values for digit in map(int, str(value)))
    return body + str(-total % 10)
