"""Takes the chains of one session: from the vendor, who shows only the newest, or from pages kept before.

One name's failure is its own: it is written down and the others go on. What the vendor sends is kept raw before
anything reads it. No Dagster; what a snapshot means is in `snapshot`, what is stored in `chain_store`.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import sqlalchemy as sa

from kapman_assets.options import chain_store
from kapman_assets.options.chain_store import Chain, ChainStatus, Watched
from kapman_assets.options.snapshot import read_snapshots, within_bounds
from kapman_resources import progress
from kapman_resources.errors import KapmanError, TransientError
from kapman_resources.polygon import KeyRejected, NotFound, Page, Polygon
from kapman_resources.polygon.answers import Row
from kapman_resources.raw_pages import RawPages, Take, TakeWriter
from kapman_resources.sessions import NEW_YORK, latest_open_session, session_offset

_OI_CHANGES = time(6, 30)
"""New York time of the next session's day from which on the vendor shows the next open interest (reference §2.5)."""

NAMES_AT_ONCE = 20
"""Chains that are being taken at the same time: all at once, every one would end last."""


@dataclass(frozen=True)
class Terms:
    """Which contracts are asked for, and what is assumed where the vendor gives no greeks.

    Attributes:
        max_dte: calendar days to expiry.
        moneyness: lowest and highest strike over the underlying's price.
        rate: risk-free, decimal a year, continuous.
    """

    max_dte: int
    moneyness: tuple[float, float]
    rate: float = 0.0


@dataclass(frozen=True)
class TakeReport:
    """What a call did.

    Attributes:
        chains: what became of each name that was asked for.
        may_recover: how many of them failed in a way that a later attempt may not.
    """

    chains: Sequence[Chain]
    may_recover: int = 0


@dataclass(frozen=True)
class _Taken:
    """What came of one name.

    Attributes:
        pages: the vendor's objects, in order.
        problem: why there are no more of them; None if they are the whole chain.
        may_recover: whether asking again soon may bring the rest.
        note: what else a reader should know.
        taken: when the first was asked for.
        uri: where they are kept.
    """

    pages: Sequence[Row] = ()
    problem: str | None = None
    may_recover: bool = False
    note: str | None = None
    taken: datetime | None = None
    uri: str | None = None


def is_shown(session: date, now: datetime) -> bool:
    """Whether the vendor's snapshot is of `session` at `now` (an aware datetime)."""
    following = session_offset(session, 1)
    return session == latest_open_session(now) and now < datetime.combine(following, _OI_CHANGES, NEW_YORK)


def store_recorded(
    engine: sa.Engine, kept: RawPages, session: date, *, watched: Sequence[Watched], terms: Terms, run_id: str | None
) -> None:
    """Read every name's kept pages and store the session in one transaction."""
    names = {name.symbol: name for name in watched}
    with _collector_at_rest():
        kept_takes = kept.read_many(session, names)
        taken = {names[symbol]: _of_kept(take, symbol, session, kept) for symbol, take in kept_takes}
        chains, rows = _read(session, taken, terms)
    chain_store.write_chains(engine, session, chains, rows, run_id=run_id)


def store_live(
    engine: sa.Engine,
    polygon: Polygon,
    kept: RawPages,
    session: date,
    *,
    watched: Sequence[Watched],
    terms: Terms,
    run_id: str | None,
) -> TakeReport:
    """Ask the vendor for every name; store each chain as soon as it is there.

    A missed snapshot is lost: chains that came are stored whatever happens to the others, and a killed call
    leaves those that were written.
    """
    with _collector_at_rest():
        return asyncio.run(_store_live(engine, polygon, kept, session, watched=watched, terms=terms, run_id=run_id))


async def _store_live(
    engine: sa.Engine,
    polygon: Polygon,
    kept: RawPages,
    session: date,
    *,
    watched: Sequence[Watched],
    terms: Terms,
    run_id: str | None,
) -> TakeReport:
    done: list[Chain] = []
    may_recover = 0
    asking = _Asking(polygon, kept, session, terms)
    tasks = {asyncio.create_task(asking.take(name)) for name in watched}
    async with polygon:
        try:
            while tasks:
                ready, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                taken = dict(task.result() for task in ready)
                # In a thread: the pages of the others keep coming.
                chains, rows = await asyncio.to_thread(_read, session, taken, terms)
                await asyncio.to_thread(chain_store.write_chains, engine, session, chains, rows, run_id=run_id)
                done += chains
                may_recover += sum(take.may_recover for take in taken.values())
                progress.report("option chains", len(done), len(watched))
        finally:
            for task in tasks:
                task.cancel()
    return TakeReport(done, may_recover)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Spare the cyclic garbage collector the pages: trees without a cycle, which it would walk again and again.

    It takes 40 % of the time otherwise; what is no longer used is freed all the same.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Asking:
    """Asks the vendor for one name after another, a bounded number at once, and keeps every page."""

    def __init__(self, polygon: Polygon, kept: RawPages, session: date, terms: Terms) -> None:
        self._polygon = polygon
        self._kept = kept
        self._session = session
        self._terms = terms
        self._slots = asyncio.Semaphore(NAMES_AT_ONCE)
        self._rejected: KeyRejected | None = None

    async def take(self, name: Watched) -> tuple[Watched, _Taken]:
        """Every page of one chain, or as many as came."""
        async with self._slots:
            if self._rejected is not None:
                return name, _Taken(problem=str(self._rejected))
            taken = datetime.now(UTC)
            pages: list[Row] = []
            problem = note = None
            may_recover = False
            writer = self._kept.begin(self._session, name.symbol, taken)
            try:
                async for page in self._pages(name):
                    pages.append(page.content)
                    note = note or await self._keep(writer, page.body)
            except NotFound as nothing:
                note = str(nothing)
            except KeyRejected as rejected:
                # No other name will fare better, and a vendor may lock who knocks on.
                self._rejected = rejected
                problem = str(rejected)
            except KapmanError as error:
                problem = str(error)
                may_recover = isinstance(error, TransientError)
            return name, _Taken(pages, problem, may_recover, note, taken, writer.uri)

    async def _keep(self, writer: TakeWriter, body: bytes) -> str | None:
        """Write one page; a page that cannot be kept must not cost the chain."""
        try:
            await asyncio.to_thread(writer.add, body)
        except KapmanError as error:
            return str(error)
        return None

    def _pages(self, name: Watched) -> AsyncIterator[Page]:
        low, high = self._terms.moneyness
        return self._polygon.chain(
            name.symbol,
            expiration_lte=self._session + timedelta(days=self._terms.max_dte),
            strike_gte=None if name.price is None else low * name.price,
            strike_lte=None if name.price is None else high * name.price,
        )


def _of_kept(take: Take | None, symbol: str, session: date, kept: RawPages) -> _Taken:
    if take is None:
        return _Taken(problem=f"No page of {symbol} on {session} is kept in {kept!r}.")
    return _Taken(take.pages, take.flaw, taken=take.taken, uri=take.uri)


def _read(session: date, taken: Mapping[Watched, _Taken], terms: Terms) -> tuple[list[Chain], pd.DataFrame]:
    """What became of each name, and the contracts of all of them."""
    snapshots = read_snapshots({name.symbol: take.pages for name, take in taken.items()}, session)
    prices = snapshots.underlying_prices | {name.symbol: name.price for name in taken if name.price is not None}
    rows = within_bounds(snapshots.rows, session, prices, max_dte=terms.max_dte, moneyness=terms.moneyness)
    rows["ticker_id"] = rows["symbol"].map({name.symbol: name.ticker_id for name in taken})
    counts = rows.groupby("symbol")["is_standard"].agg(["size", "sum"]).to_dict("index")
    chains = []
    for name, take in taken.items():
        count = counts.get(name.symbol, {"size": 0, "sum": 0})
        spot = snapshots.underlying_prices.get(name.symbol)
        chains.append(
            Chain(
                ticker_id=name.ticker_id,
                status=_status(take),
                rate=terms.rate,
                reason="; ".join(text for text in (take.problem, take.note) if text) or None,
                spot=spot or name.close,
                spot_source="chain" if spot else "ohlcv" if name.close else None,
                pages=len(take.pages),
                contracts=int(count["size"]),
                contracts_non_standard=int(count["size"] - count["sum"]),
                refused=snapshots.refused.get(name.symbol, {}),
                snapshot_ts=take.taken,
                oi_session=session_offset(session, -1) if take.pages else None,
                uri=take.uri,
            )
        )
    return chains, rows


def _status(take: _Taken) -> ChainStatus:
    if take.problem is not None:
        return ChainStatus.INCOMPLETE if take.pages else ChainStatus.FAILED
    has_rows = any(page.get("results") for page in take.pages)
    return ChainStatus.COMPLETE if has_rows else ChainStatus.NO_OPTIONS
