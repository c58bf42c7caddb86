"""`kapman simulate`: write the simulated market, or bring it up to the newest session."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kapman_assets.cli.console import console, explained, progress_bars
from kapman_resources import progress
from kapman_resources.errors import ConfigurationError
from kapman_resources.sessions import latest_open_session, session_offset
from kapman_resources.settings import load_settings

if TYPE_CHECKING:
    from kapman_resources.simulation import MarketPlan

DEFAULT_NAMES, DEFAULT_SESSIONS, DEFAULT_CHAIN_SESSIONS, DEFAULT_SEED = 300, 520, 90, 7

_FUNDS = {"GLD": "Gold", "JNUG": "Gold miners", "LDSF": "Bonds", "QQQ": None, "UVXY": "Volatility"}
"""Funds of the watchlist besides the sector ETFs, with what they follow; None is the whole market."""

_DEAD = ("BPMC", "GST", "JNPR", "LDSF", "MTTR", "NEWR", "SWAV", "WBA", "WORK")
"""Watchlist names that really have left the market: they never trade in the simulated one either."""

_WITHOUT_OPTIONS = ("BOLT", "IFNNY")
"""Watchlist names without options here; the second has none in the real market."""

_ADJUSTED_OPTIONS = ("PSNY", "TLRY")
"""Watchlist names that always carry contracts as after their reverse splits."""


def simulate(
    *,
    names: Annotated[int, typer.Option(min=200, help="Symbols over the market's life.")] = DEFAULT_NAMES,
    sessions: Annotated[int, typer.Option(min=2, help="Sessions up to the newest one.")] = DEFAULT_SESSIONS,
    chain_sessions: Annotated[
        int, typer.Option(min=0, help="Newest sessions of a new market with option chains; 0 for none.")
    ] = DEFAULT_CHAIN_SESSIONS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same market.")] = DEFAULT_SEED,
    directory: Annotated[Path | None, typer.Option(help="Where; default KAPMAN_HOME/simulated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a market of another plan.")] = False,
) -> None:
    """Write a market in the vendor's own layouts, so that everything runs without an account.

    Run again, it adds the sessions that have passed since; nothing that was written changes.
    """
    with explained():
        target = directory or load_settings().simulated_market_dir
        if force:
            _remove(target)
        write_market(target, names=names, sessions=sessions, chain_sessions=chain_sessions, seed=seed)


def write_market(
    target: Path,
    *,
    names: int = DEFAULT_NAMES,
    sessions: int = DEFAULT_SESSIONS,
    chain_sessions: int = DEFAULT_CHAIN_SESSIONS,
    seed: int = DEFAULT_SEED,
) -> None:
    """Write the market of `target` up to the newest session, and whatever file of it is missing.

    A market that exists keeps its own first session and its own first one with option chains; `sessions` and
    `chain_sessions` (0 for no chains) are for a new one.

    Raises:
        ConfigurationError: the directory holds a market of another plan or an older format, or other files.
    """
    from kapman_resources.simulation import simulate

    newest = latest_open_session(datetime.now(UTC))
    first, first_chain = _first_sessions(target) or _new_first_sessions(newest, sessions, chain_sessions)
    with progress_bars():
        report = simulate(
            target,
            _plan(names, seed, first, first_chain),
            through=newest,
            on_progress=lambda done, total: progress.report("simulated market", done, total),
        )
    console.print(
        f"Simulated market in {target}: {report.sessions} sessions, {report.first_session} to "
        f"{report.last_session}; {report.files_written} day files added, {report.rows_written:,} rows. "
        f"Option chains of {report.chain_sessions} sessions; {report.pages_written:,} pages added, "
        f"{report.contracts_written:,} rows."
    )


def _plan(names: int, seed: int, first: date, first_chain: date | None) -> "MarketPlan":
    from kapman_resources.simulation import MarketPlan, WatchedName
    from kapman_resources.watchlist import read_watchlist

    watched = {
        entry.symbol: WatchedName(
            symbol=entry.symbol,
            name=f"{entry.symbol} (simulated)",
            sector=entry.sector or _FUNDS.get(entry.symbol),
            is_etf=entry.portfolio == "SECTOR_ETFS" or entry.symbol in _FUNDS,
        )
        for entry in read_watchlist()
    }
    return MarketPlan(
        first_session=first,
        watched=tuple(watched.values()),
        dead=_DEAD,
        first_chain_session=first_chain,
        without_options=_WITHOUT_OPTIONS,
        adjusted_options=_ADJUSTED_OPTIONS,
        names=names,
        seed=seed,
    )


def _new_first_sessions(newest: date, sessions: int, chain_sessions: int) -> tuple[date, date | None]:
    """The first session of a new market and the first one with option chains, counted back from the newest."""
    first = session_offset(newest, 1 - sessions)
    if not chain_sessions:
        return first, None
    return first, max(first, session_offset(newest, 1 - chain_sessions))


def _first_sessions(target: Path) -> tuple[date, date | None] | None:
    """The same of the market in `target`, also of one that a killed call began; None if there is none."""
    from kapman_resources.simulation.market import PLAN_FILE

    file = target / PLAN_FILE
    if not file.exists():
        return None
    plan = json.loads(file.read_bytes())["plan"]
    # A market of the first format, which is refused later, knows nothing of chains.
    first_chain = plan.get("first_chain_session")
    return date.fromisoformat(plan["first_session"]), date.fromisoformat(first_chain) if first_chain else None


def _remove(target: Path) -> None:
    """Delete a market, and only a market."""
    if not target.exists():
        return
    if _first_sessions(target) is None and any(target.iterdir()):
        raise ConfigurationError(f"{target} holds no simulated market; --force does not delete anything else.")
    shutil.rmtree(target)
