"""`kapman up`: from nothing to a running Dagster with a materialised market, and a clean stop.

What is missing is made (simulated market, schema, bars); then the code server, the webserver and the daemon
run as children of this process until it is told to stop. None of them outlives it.
"""

import fcntl
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.markup import escape

from kapman_assets.cli.abandoned import close_abandoned_runs
from kapman_assets.cli.console import console, errors, explained, progress_bars
from kapman_assets.cli.environment import Workplace, prepare
from kapman_assets.cli.materialize import run_assets
from kapman_assets.cli.panel import panel_command
from kapman_assets.cli.processes import Child, run_until_stopped, wait_until_answering
from kapman_assets.cli.simulate import write_market
from kapman_resources.database import make_engine
from kapman_resources.errors import ConfigurationError, KapmanError
from kapman_resources.schema import (
    daily_snapshots,
    daily_summaries,
    etf_features,
    technical_indicators,
    wyckoff_phases,
)
from kapman_resources.sessions import latest_open_session, ranges_of, session_offset, sessions_between
from kapman_resources.settings import MarketKind, Settings, load_settings

HOST = "127.0.0.1"
_READY_SECONDS = 120.0
_LOG_TAIL = 2000

_ANALYSED_SESSIONS = 90
"""Newest sessions whose indicators, structure and snapshots a first start makes; older ones are a backfill. ETF
features are made of all: they are few, and what followed a rule is asked of years."""

_ANALYSES = {
    "technicals": technical_indicators,
    "wyckoff": wyckoff_phases,
    "etf": etf_features,
    "snapshots": daily_snapshots,
    # Decisions leave no row in a session without news; the evening's summary follows all of them.
    "decisions": daily_summaries,
}
"""By group of assets the table that tells which sessions it has."""


def up(
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    port: Annotated[int, typer.Option(help="Dagster's port on 127.0.0.1.")] = 3000,
    panel_port: Annotated[int, typer.Option(help="The trader panel's port on 127.0.0.1.")] = 8501,
    sessions: Annotated[int, typer.Option(min=1, help="Newest sessions of bars to have.")] = 520,
) -> None:
    """Prepare everything, start Dagster and the trader panel, and keep them running until Ctrl-C."""
    with explained(), _only_one(load_settings()) as settings:
        _require_free(port, "--port")
        _require_free(panel_port, "--panel-port")
        if settings.market_kind is MarketKind.SIMULATED and settings.flatfiles_url is None:
            write_market(settings.simulated_market_dir)
        workplace = prepare()
        with progress_bars():
            materialize_missing(workplace, sessions)
        run_until_stopped(
            _children(workplace, port, panel_port), on_ready=lambda: _announce(port, panel_port, headless=headless)
        )


def materialize_missing(workplace: Workplace, count: int) -> None:
    """Materialise what is not stored: reference, bars of the newest `count` published sessions, and what follows.

    Each domain brings what it can: what could not be stored is best looked at in Dagster, which is about to start.
    """
    import dagster as dg

    missing = _missing(workplace, count)
    if not (missing.bars or missing.chains or any(missing.analysis.values())):
        with dg.DagsterInstance.get() as instance:
            close_abandoned_runs(instance)
        console.print("Everything that is published is stored.")
        return
    _run("key:tickers or key:splits", missing.bars[-1:])
    _run("ohlcv", missing.bars)
    # Both need the bars alone, and one of them would leave a core idle.
    with _beside(workplace, {name: missing.analysis[name] for name in ("technicals", "etf")}):
        _run("group:options", missing.chains)
    # Each looks at what the one before has made.
    _run("group:wyckoff", missing.analysis["wyckoff"])
    _run("group:snapshots", missing.analysis["snapshots"])
    _run("group:decisions", missing.analysis["decisions"])
    _run("group:alerts", missing.analysis["decisions"])


@dataclass(frozen=True)
class _Missing:
    """Published sessions that are not stored, ascending: of bars, of chains, of each group of `_ANALYSES`."""

    bars: list[date]
    chains: list[date]
    analysis: dict[str, list[date]]


def _run(select: str, days: list[date]) -> None:
    for first, last in ranges_of(days):
        try:
            run_assets(select, sessions_between(first, last))
        except KapmanError as error:
            errors.print(f"[bold yellow]not everything could be materialised[/] {escape(str(error))}")


@contextmanager
def _beside(workplace: Workplace, groups: Mapping[str, list[date]]) -> Iterator[None]:
    """Run groups of assets in processes of their own while the block runs, one a range of days, and wait for them."""
    selected: dict[tuple[date, date], list[str]] = {}
    for group, days in groups.items():
        for ends in ranges_of(days):
            selected.setdefault(ends, []).append(f"group:{group}")
    log = workplace.settings.kapman_home / "logs" / "first-analysis.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    kapman = Path(sys.executable).with_name("kapman")
    child = (sys.executable, "-m", "kapman_assets.cli.child", str(kapman))
    with log.open("w") as output:
        running = [
            subprocess.Popen(  # noqa: S603 Kapman's own command
                [*child, "materialize", "--from", str(first), "--to", str(last), "--select", " or ".join(names)],
                env=workplace.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for (first, last), names in selected.items()
        ]
        try:
            yield
        finally:
            codes = [process.wait() for process in running]
    if any(codes):
        errors.print(f"[bold yellow]not everything could be materialised[/] {escape(log.read_text()[-_LOG_TAIL:])}")


def _missing(workplace: Workplace, count: int) -> _Missing:
    from kapman_assets.market.ohlcv_store import stored_sessions
    from kapman_assets.options.chain_store import sessions_with_chains

    published = _published(workplace.settings)[-count:]
    if not published:
        return _Missing([], [], {group: [] for group in _ANALYSES})
    engine = make_engine(workplace.urls.warehouse, application_name="kapman:up", read_only=True)
    with engine.connect() as connection:
        bars = stored_sessions(connection, published[0], published[-1])
        chains = sessions_with_chains(connection, published[0])
        analysed = {
            group: set(connection.scalars(sa.select(table.c.date).distinct())) for group, table in _ANALYSES.items()
        }
    engine.dispose()
    new_chains = [day for day in _published_chains(published[0]) if day not in chains]
    newest = {group: published if group == "etf" else published[-_ANALYSED_SESSIONS:] for group in _ANALYSES}
    analysis = {group: [day for day in days if day not in analysed[group]] for group, days in newest.items()}
    # A snapshot is made anew with what comes for it now, and what is decided on with it.
    parts = {*analysis["snapshots"], *analysis["technicals"], *analysis["wyckoff"], *new_chains}
    analysis["snapshots"] = [day for day in newest["snapshots"] if day in parts]
    parts.update(analysis["decisions"])
    analysis["decisions"] = [day for day in newest["decisions"] if day in parts]
    return _Missing([day for day in published if day not in bars], new_chains, analysis)


def _published(settings: Settings) -> list[date]:
    """Sessions that the flat files hold and whose key is open; of a live source only what KAPMAN_ENV takes."""
    from kapman_resources.dagster_resources import FlatFilesResource

    newest = latest_open_session(datetime.now(UTC))
    if settings.market_kind is MarketKind.LIVE:
        first = session_offset(newest, 1 - settings.kapman_env.live_sessions)
        return list(FlatFilesResource().client().etags(sessions_between(first, newest)))
    return [day for day in FlatFilesResource().client().sessions() if day <= newest]


def _published_chains(first: date) -> list[date]:
    """Sessions from `first` on whose chains can be had: recorded ones, or the one that the vendor shows now."""
    from kapman_assets.options.ingest import is_shown
    from kapman_resources.dagster_resources import PolygonResource

    now = datetime.now(UTC)
    newest = latest_open_session(now)
    polygon = PolygonResource()
    recorded = polygon.chains_recorded()
    if recorded is not None:
        return [day for day in recorded.sessions() if first <= day <= newest]
    return [newest] if polygon.is_live() and is_shown(newest, now) else []


def _children(workplace: Workplace, port: int, panel_port: int) -> list[Child]:
    code_port = _free_port()
    python, environment = sys.executable, workplace.environment
    logs = workplace.settings.kapman_home / "logs"
    workspace = workplace.settings.kapman_home / "dagster" / "workspace.yaml"
    workspace.write_text(
        "# Written by `kapman up`: both Dagster processes share one code server.\n"
        f"load_from:\n  - grpc_server: {{host: {HOST}, port: {code_port}, location_name: kapman}}\n"
    )
    module = ("-m", "kapman_assets.definitions")
    code = (python, "-m", "dagster", "code-server", "start", "-h", HOST, "-p", str(code_port), *module)
    web = (python, "-m", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", str(workspace))
    daemon = (python, "-m", "dagster._daemon", "run", "-w", str(workspace))
    return [
        Child("code server", code, environment, logs / "code-server.log", (HOST, code_port)),
        Child("webserver", web, environment, logs / "webserver.log", (HOST, port)),
        Child("daemon", daemon, environment, logs / "daemon.log", None),
        Child(
            "panel",
            panel_command(HOST, panel_port),
            {**environment, "DAGSTER_UI_URL": f"http://{HOST}:{port}"},
            logs / "panel.log",
            (HOST, panel_port),
        ),
    ]


def _announce(port: int, panel_port: int, *, headless: bool) -> None:
    dagster, panel = f"http://{HOST}:{port}", f"http://{HOST}:{panel_port}"
    wait_until_answering(f"{dagster}/server_info", _READY_SECONDS)
    wait_until_answering(f"{panel}/_stcore/health", _READY_SECONDS)
    console.print(f"\n[bold green]Panel[/]   {panel}\n[bold green]Dagster[/] {dagster}   Ctrl-C stops everything.")
    if not headless and sys.stdout.isatty():
        webbrowser.open(panel)


@contextmanager
def _only_one(settings: Settings) -> Iterator[Settings]:
    """Hold the home for this process: two daemons on one storage would start every run twice."""
    settings.kapman_home.mkdir(parents=True, exist_ok=True)
    with (settings.kapman_home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"Kapman is already up in {settings.kapman_home}: use it, stop it, or set another KAPMAN_HOME."
            ) from None
        yield settings


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise ConfigurationError(
                f"Port {port} on {HOST} is taken: stop what listens there, or choose another with {option}."
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
