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

DEFAULT_NAMES, DEFAULT_SESSIONS, DEFAULT_SEED = 300, 520, 7

_FUNDS = {"GLD": "Gold", "JNUG": "Gold miners", "LDSF": "Bonds", "QQQ": None, "UVXY": "Volatility"}
"""Funds of the watchlist besides the sector ETFs, with what they follow; None is the whole market."""

_DEAD = ("BPMC", "GST", "JNPR", "LDSF", "MTTR", "NEWR", "SWAV", "WBA", "WORK")
"""Watchlist names that really have left the market: they never trade in the simulated one either."""


def simulate(
    names: Annotated[int, typer.Option(min=200, help="Symbols over the market's life.")] = DEFAULT_NAMES,
    sessions: Annotated[int, typer.Option(min=2, help="Sessions up to the newest one.")] = DEFAULT_SESSIONS,
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
        write_market(target, names=names, sessions=sessions, seed=seed)


def write_market(
    target: Path, *, names: int = DEFAULT_NAMES, sessions: int = DEFAULT_SESSIONS, seed: int = DEFAULT_SEED
) -> None:
    """Write the market of `target` up to the newest session, and whatever file of it is missing.

    A market that exists keeps its own first session; `sessions` is for a new one.

    Raises:
        ConfigurationError: the directory holds a market of another plan, or other files.
    """
    from kapman_resources.simulation import simulate

    newest = latest_open_session(datetime.now(UTC))
    first = _first_session(target) or session_offset(newest, 1 - sessions)
    with progress_bars():
        report = simulate(
            target,
            _plan(names, seed, first),
            through=newest,
            on_progress=lambda done, total: progress.report("simulated market", done, total),
        )
    console.print(
        f"Simulated market in {target}: {report.sessions} sessions, {report.first_session} to "
        f"{report.last_session}; {report.files_written} day files added, {report.rows_written:,} rows."
    )


def _plan(names: int, seed: int, first: date) -> "MarketPlan":
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
    return MarketPlan(first_session=first, watched=tuple(watched.values()), dead=_DEAD, names=names, seed=seed)


def _first_session(target: Path) -> date | None:
    """First session of the market in `target`, also of one that a killed call began; None if there is none."""
    from kapman_resources.simulation.market import PLAN_FILE

    plan = target / PLAN_FILE
    if not plan.exists():
        return None
    return date.fromisoformat(json.loads(plan.read_bytes())["plan"]["first_session"])


def _remove(target: Path) -> None:
    """Delete a market, and only a market."""
    if not target.exists():
        return
    if _first_session(target) is None and any(target.iterdir()):
        raise ConfigurationError(f"{target} holds no simulated market; --force does not delete anything else.")
    shutil.rmtree(target)
