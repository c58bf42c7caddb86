"""Writing a simulated market: `simulate` draws it and brings its directory up to a session.

The order of the steps is what makes a killed call harmless: the plan first, every file by a rename, the
market's marker last. What is drawn, and how a file looks, is decided in the modules beside this one.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from kapman_resources.errors import ConfigurationError
from kapman_resources.sessions import sessions_between
from kapman_resources.settings import MARKET_MARKER
from kapman_resources.simulation import writer
from kapman_resources.simulation.faults import Fault, rows_of, spoil, symbols_of
from kapman_resources.simulation.options import labels, pages
from kapman_resources.simulation.options.chains import OptionMarket, SessionChains
from kapman_resources.simulation.plan import FORMAT_VERSION, MarketPlan
from kapman_resources.simulation.prices import SessionBars, walk
from kapman_resources.simulation.reference import (
    SPLITS_PATH,
    TICKERS_PATH,
    ExecutedSplit,
    split_rows,
    ticker_rows,
)
from kapman_resources.simulation.structures import PlannedEvent
from kapman_resources.simulation.universe import Security, build_universe

PLAN_FILE = "plan.json"
"""The plan of the files beside it, written before them: the marker comes too late to guard a killed call."""

_WRITERS = 2
_WAITING = 8
"""Sessions that may wait to be written: bounds the memory when drawing is faster than compressing."""


@dataclass(frozen=True)
class SimulationReport:
    """What a call of `simulate` found and did.

    Attributes:
        directory: root of the market.
        first_session: session 0.
        last_session: the market's newest session.
        sessions: sessions of the market.
        files_written: day files that this call added.
        rows_written: rows in them.
        faults: bad rows in the whole market, those of test symbols included.
        events: Wyckoff events that are labelled in the whole market.
        chain_sessions: sessions of the market that have option chains.
        pages_written: pages of option chains that this call added.
        contracts_written: rows in them.
    """

    directory: Path
    first_session: date
    last_session: date
    sessions: int
    files_written: int
    rows_written: int
    faults: int
    events: int
    chain_sessions: int
    pages_written: int
    contracts_written: int


class _WrittenChains(NamedTuple):
    """What became of a session's chains."""

    pages: int
    contracts: int
    labels: list[labels.ChainLabel]


@dataclass
class _Truth:
    """What the labels say, gathered session by session."""

    securities: Sequence[Security]
    faults: list[Fault] = field(default_factory=list)
    splits: list[ExecutedSplit] = field(default_factory=list)
    halts: list[tuple[str, date]] = field(default_factory=list)
    events: list[tuple[PlannedEvent, date]] = field(default_factory=list)
    chains: list[labels.ChainLabel] = field(default_factory=list)

    def add(self, bars: SessionBars, faults: Sequence[Fault]) -> None:
        """Take over what is to be known about one session."""
        self.faults += faults
        self.splits += [
            ExecutedSplit(self.securities[split.name].symbol, bars.session, split.split_from, split.split_to)
            for split in bars.splits
        ]
        self.halts += [(self.securities[int(name)].symbol, bars.session) for name in bars.is_halted.nonzero()[0]]
        self.events += [(event, bars.session) for event in bars.events]

    def write(self, directory: Path, sessions: Sequence[date]) -> None:
        """Write the labels as of the last of `sessions`."""
        events = (
            (self.securities[event.name].symbol, event.structure, event.template, event.event, session)
            for event, session in self.events
        )
        lives = (
            (
                security.symbol,
                security.kind.value,
                security.sector,
                sessions[security.listed],
                security.delisted_on(sessions),
            )
            for security in self.securities
            if security.listed < len(sessions)
        )
        write = writer.write_label
        write(directory, "faults.csv", Fault._fields, self.faults)
        write(directory, "splits.csv", ExecutedSplit._fields, self.splits)
        write(directory, "halts.csv", ("symbol", "session"), self.halts)
        write(
            directory,
            "wyckoff.csv",
            ("symbol", "structure", "template", "event", "session"),
            sorted(events, key=itemgetter(1, 4)),
        )
        write(directory, "listings.csv", ("symbol", "type", "sector", "listed", "delisted"), lives)
        write(directory, "options.csv", labels.ChainLabel._fields, self.chains)


def simulate(
    directory: Path,
    plan: MarketPlan,
    *,
    through: date,
    on_progress: Callable[[int, int], None] | None = None,
) -> SimulationReport:
    """Write a simulated market, or the part of it that is missing.

    A market grows and never shrinks: files that are there stay as they are, and an earlier `through` than
    the newest file's session means that session. Two calls on one directory run one after the other.

    Args:
        directory: root of the market; created when it is not there.
        plan: the market's parameters.
        through: the last day to simulate; need not be a session.
        on_progress: called after each session with the sessions done and their total.

    Returns:
        What is there now and what was added.

    Raises:
        ConfigurationError: the directory holds a market of another plan or something else, or there is no
            session from the plan's first one to `through`.
    """
    with writer.locked(directory):
        _claim(directory, plan)
        last = max(through, writer.newest_day_file(directory) or through)
        sessions = sessions_between(plan.first_session, last)
        if not sessions:
            raise ConfigurationError(
                f"The simulated market in {directory} would be empty: there is no session from "
                f"{plan.first_session} to {through}; choose an earlier first or a later last session."
            )
        return _write_market(directory, plan, sessions, on_progress)


def _claim(directory: Path, plan: MarketPlan) -> None:
    """Put the plan into an empty directory, or make sure that it is the one there."""
    claim = {"format": FORMAT_VERSION, "plan": plan.to_json()}
    target = directory / PLAN_FILE
    if target.exists():
        found = json.loads(target.read_bytes())
        if found["format"] != FORMAT_VERSION:
            raise ConfigurationError(
                f"{directory} holds a simulated market of format {found['format']}, and this version writes "
                f"format {FORMAT_VERSION}; run `kapman simulate --force` to delete it and write it anew."
            )
        if found != claim:
            raise ConfigurationError(
                f"{directory} holds a simulated market of another plan; use --force to delete "
                f"it and write this one, or give this one another directory."
            )
    elif any(directory.glob("[!.]*")):
        raise ConfigurationError(
            f"{directory} holds files that are no simulated market; give the market another directory, or "
            f"use --force to delete them."
        )
    else:
        writer.write_json(target, claim)


def _write_market(
    directory: Path,
    plan: MarketPlan,
    sessions: Sequence[date],
    on_progress: Callable[[int, int], None] | None,
) -> SimulationReport:
    securities = build_universe(plan)
    symbols = symbols_of(securities)
    truth = _Truth(securities)
    options = OptionMarket(plan, securities)
    files = rows_written = 0
    pending: deque[Future[Any]] = deque()
    chains: list[Future[_WrittenChains]] = []
    with ThreadPoolExecutor(_WRITERS) as pool:
        for bars in walk(plan, securities, sessions):
            # Faults are drawn for files that are there too: their labels are written anew.
            rows, faults = spoil(plan, bars, rows_of(bars, symbols))
            truth.add(bars, faults)
            if not writer.day_file(directory, bars.session).exists():
                pending.append(pool.submit(writer.write_day_file, directory, bars.session, rows))
                files += 1
                rows_written += len(rows.ticker)
            if (session_chains := options.step(bars)) is not None:
                chains.append(pool.submit(_write_chains, directory, plan, session_chains))
                pending.append(chains[-1])
            while len(pending) > _WAITING:
                pending.popleft().result()
            if on_progress is not None:
                on_progress(bars.index + 1, len(sessions))
        for future in pending:
            future.result()
    written = [future.result() for future in chains]
    truth.chains = [label for session in written for label in session.labels]
    writer.write_pages(directory, TICKERS_PATH, ticker_rows(plan, securities, sessions))
    writer.write_pages(directory, SPLITS_PATH, split_rows(truth.splits))
    truth.write(directory, sessions)
    writer.write_json(
        directory / MARKET_MARKER,
        {
            "market": "simulated",
            "format": FORMAT_VERSION,
            "last_session": sessions[-1].isoformat(),
            "plan": plan.to_json(),
        },
    )
    return SimulationReport(
        directory=directory,
        first_session=sessions[0],
        last_session=sessions[-1],
        sessions=len(sessions),
        files_written=files,
        rows_written=rows_written,
        faults=len(truth.faults),
        events=len(truth.events),
        chain_sessions=len(written),
        pages_written=sum(session.pages for session in written),
        contracts_written=sum(session.contracts for session in written),
    )


def _write_chains(directory: Path, plan: MarketPlan, chains: SessionChains) -> _WrittenChains:
    """Write the pages of a session that are missing; its labels are calculated in any case."""
    without = (*plan.without_options, *plan.dead)
    wanted = ((page, writer.chain_page(directory, chains.session, page)) for page in pages.pages_of(chains, without))
    missing = [(page, target) for page, target in wanted if not target.exists()]
    if missing:
        rows = pages.rows_of(plan, chains)
        for page, target in missing:
            writer.write_chain_page(target, pages.body(page, rows, chains.session))
    contracts = sum(page.stop - page.start for page, _ in missing)
    return _WrittenChains(len(missing), contracts, labels.labels_of(chains))
