"""`python -m benchmarks.chain_server`: the vendor's chain endpoint on loopback, slow and faulty to order.

Prints its port, serves until its standard input ends. A process of its own, so that it takes no time from the
client that is measured.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 250
RATE_LIMITED_EVERY, BROKEN_EVERY = 100, 200
"""One answer in so many is a 429, and one a 502."""

_ROW = (
    '{{"break_even_price":{strike},"day":{{"change":-0.1,"change_percent":-1.2,"close":2.5,"high":2.9,'
    '"last_updated":{stamp},"low":2.1,"open":2.2,"previous_close":2.6,"volume":{volume},"vwap":2.45}},'
    '"details":{{"contract_type":"{kind}","exercise_style":"american","expiration_date":"{expiry}",'
    '"shares_per_contract":100,"strike_price":{strike},"ticker":"{ticker}"}},'
    '"greeks":{{"delta":{delta},"gamma":0.0123,"theta":-0.0282,"vega":0.0638}},"implied_volatility":0.357,'
    '"open_interest":{volume},"underlying_asset":{{"change_to_break_even":1.1,"last_updated":{stamp},'
    '"price":100.0,"ticker":"{symbol}","timeframe":"DELAYED"}}}}'
)


def main() -> None:
    """Serve chains of any symbol, all of the same size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chain_server")
    parser.add_argument("--session", type=date.fromisoformat, required=True)
    parser.add_argument("--contracts", type=int, required=True, help="of one name")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds a page takes")
    options = parser.parse_args()
    asyncio.run(_serve(_Server(options.session, options.contracts, options.latency)))


class _Server:
    """Answers of the endpoint; every name has the same chain under its own symbol."""

    def __init__(self, session: date, contracts: int, latency: float) -> None:
        self._latency = latency
        self._requests = 0
        rows = list(_rows(session, contracts))
        self._pages = [rows[start : start + PAGE_ROWS] for start in range(0, contracts, PAGE_ROWS)]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                target = request.split(b" ", 2)[1].decode()
                await asyncio.sleep(self._latency)
                status, body = self._page(target)
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    def _page(self, target: str) -> tuple[int, bytes]:
        self._requests += 1
        if self._requests % RATE_LIMITED_EVERY == 0:
            return 429, b""
        if self._requests % BROKEN_EVERY == 1:
            return 502, b"<html>Bad gateway</html>"
        parts = urlsplit(target)
        symbol = parts.path.rsplit("/", 1)[1]
        number = int(parse_qs(parts.query).get("cursor", ["0"])[0])
        rows = ",".join(self._pages[number]).replace("@", symbol)
        is_last = number + 1 == len(self._pages)
        following = f'"https://api.massive.com{parts.path}?cursor={number + 1}"'
        tail = "" if is_last else f',"next_url":{following}'
        return 200, f'{{"request_id":"r","results":[{rows}],"status":"OK"{tail}}}'.encode()


def _rows(session: date, contracts: int) -> Iterator[str]:
    """Calls and puts of a few expiries around 100, `@` for the symbol."""
    stamp = _noon(session)
    strikes = contracts // 20
    for number in range(contracts):
        kind = "call" if number % 2 else "put"
        expiry = session + timedelta(days=7 * (1 + number // 2 % 10))
        strike = round(60 + 80 * (number // 20) / strikes, 2)
        yield _ROW.format(
            symbol="@",
            ticker=f"O:@{expiry:%y%m%d}{kind[0].upper()}{round(strike * 1000):08d}",
            stamp=stamp,
            volume=number * 7 % 5000,
            kind=kind,
            expiry=expiry,
            strike=strike,
            delta=0.5 if kind == "call" else -0.5,
        )


def _noon(session: date) -> int:
    """Nanoseconds of 12:00 UTC, which is the same day in New York."""
    return (session - date(1970, 1, 1)).days * 86_400 * 10**9 + 12 * 3600 * 10**9


async def _serve(server: _Server) -> None:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    main()
