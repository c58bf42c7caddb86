"""`kapman doctor`: is everything that this configuration needs there, reachable and current?

One line a finding, with the mend. Findings are gathered by plain functions; nothing is changed, except that
the embedded server is started to be looked at.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
import typer
from rich.markup import escape

from kapman_assets.cli.console import console
from kapman_assets.market.ohlcv_store import stored_sessions
from kapman_assets.market.quality import last_session_age
from kapman_assets.options.chain_store import TAKEN
from kapman_resources import database
from kapman_resources.errors import KapmanError
from kapman_resources.flatfiles import FlatFiles
from kapman_resources.market import held_market
from kapman_resources.notifier import Notifier
from kapman_resources.polygon import Polygon
from kapman_resources.raw_pages import RawPages
from kapman_resources.schema import options_chain_status
from kapman_resources.sessions import FIRST_SESSION, HOLIDAYS_KNOWN_UNTIL, sessions_between
from kapman_resources.settings import MarketKind, Settings, load_settings

_MIN_FREE_GB = 5.0
_EXAMPLES = 5
_CALENDAR_NOTICE = timedelta(days=180)


class Level(StrEnum):
    """How a finding stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_MARKS = {Level.OK: "[green]ok  [/]", Level.WARN: "[yellow]warn[/]", Level.FAIL: "[red]FAIL[/]"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, how it stands, and how to mend it if it does not."""

    what: str
    level: Level
    text: str
    mend: str = ""


def doctor() -> None:
    """Look at everything this configuration needs; exit code 1 if something fails."""
    worst = Level.OK
    for finding in examine(datetime.now(UTC)):
        mend = f" → {finding.mend}" if finding.mend else ""
        console.print(
            f"{_MARKS[finding.level]} {finding.what:<16} {escape(finding.text)}{escape(mend)}", soft_wrap=True
        )
        if finding.level is Level.FAIL:
            worst = Level.FAIL
    if worst is Level.FAIL:
        raise typer.Exit(1)


def examine(now: datetime) -> Iterator[Finding]:
    """Every finding, in the order in which a later one depends on an earlier."""
    try:
        settings = load_settings()
        kind = settings.market_kind
    except (KapmanError, ValueError) as error:
        yield Finding("settings", Level.FAIL, str(error), "correct the variable in the environment or .env")
        return
    yield Finding("settings", Level.OK, f"{settings.kapman_env} environment, {kind} market")
    yield _disk(settings)
    yield _calendar(now.date())
    yield _guarded("flat files", lambda: _flat_files(settings))
    yield _guarded("reference", lambda: _reference(settings))
    if "://" in (settings.reference_location or ""):
        yield _guarded("raw pages", lambda: _raw_pages(settings))
    yield _channels(settings)
    yield from _databases(settings, kind, now)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except KapmanError as error:
        return Finding(what, Level.FAIL, str(error))


def _disk(settings: Settings) -> Finding:
    place = settings.kapman_home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    text = f"{free:.0f} GB free under {settings.kapman_home}"
    if free < _MIN_FREE_GB:
        return Finding("disk", Level.WARN, text, f"free some: a full history takes up to {_MIN_FREE_GB:.0f} GB")
    return Finding("disk", Level.OK, text)


def _calendar(today: date) -> Finding:
    text = f"holidays are known until {HOLIDAYS_KNOWN_UNTIL}"
    if today > HOLIDAYS_KNOWN_UNTIL - _CALENDAR_NOTICE:
        return Finding("calendar", Level.WARN, text, "extend HOLIDAYS in kapman_resources/sessions.py")
    return Finding("calendar", Level.OK, text)


def _flat_files(settings: Settings) -> Finding:
    files = FlatFiles.open(
        settings.flatfiles_location,
        endpoint_url=settings.flatfiles_endpoint_url,
        access_key=settings.aws_access_key_id,
        secret_key=settings.aws_secret_access_key,
    )
    sessions = files.sessions()
    if not sessions:
        return Finding("flat files", Level.FAIL, f"{files!r} holds no day file", "check FLATFILES_URL")
    text = f"{len(sessions):,} sessions, {sessions[0]} to {sessions[-1]}, in {files!r}"
    files.fetch(sessions[-1])
    return Finding("flat files", Level.OK, text)


def _reference(settings: Settings) -> Finding:
    location = settings.reference_location
    if location is None:
        mend = "set OPTIONS_URL to https://api.massive.com or to recorded pages"
        return Finding("reference", Level.WARN, "none: tickers come from the day files alone", mend)
    client = Polygon.open(
        location,
        api_key=settings.polygon_api_key,
        requests_per_second=settings.polygon_requests_per_second,
        concurrency=settings.polygon_concurrency,
    )
    if client.ask(lambda asked: anext(asked.tickers(active=True), None)) is None:
        return Finding("reference", Level.FAIL, f"{client!r} knows no ticker", "check OPTIONS_URL")
    return Finding("reference", Level.OK, f"{client!r} answers")


def _raw_pages(settings: Settings) -> Finding:
    access_key, secret_key = settings.raw_credentials
    kept = RawPages.open(
        settings.raw_location, endpoint_url=settings.raw_endpoint_url, access_key=access_key, secret_key=secret_key
    )
    return Finding("raw pages", Level.OK, f"{len(kept.sessions()):,} sessions of chains are kept in {kept!r}")


def _channels(settings: Settings) -> Finding:
    notifier = Notifier(settings.notify_urls)
    problems = [problem for channel in notifier.channels if (problem := notifier.problem(channel))]
    if problems:
        return Finding("notifications", Level.FAIL, "; ".join(problems), "correct NOTIFY_URLS")
    if not notifier.channels:
        return Finding("notifications", Level.OK, "no channel: alerts are stored and shown only")
    text = f"{', '.join(notifier.channels)}; `kapman notify test` tries them"
    return Finding("notifications", Level.OK, text)


def _gaps(connection: sa.Connection) -> Finding:
    stored = sorted(stored_sessions(connection, FIRST_SESSION, date.max))
    missing = sorted(set(sessions_between(stored[0], stored[-1])) - set(stored)) if stored else []
    text = f"{len(stored):,} sessions are stored"
    if missing:
        some = ", ".join(map(str, missing[:_EXAMPLES]))
        text += f"; missing between them: {len(missing):,} ({some}{', …' if len(missing) > _EXAMPLES else ''})"
        return Finding("history", Level.WARN, text, "run `kapman materialize --from … --to … --select ohlcv`")
    return Finding("history", Level.OK, text)


def _chains(connection: sa.Connection) -> Finding:
    c = options_chain_status.c
    newest = connection.scalar(sa.select(sa.func.max(c.date)))
    if newest is None:
        mend = "run `kapman materialize --session … --select group:options`"
        return Finding("option chains", Level.WARN, "no session is stored", mend)
    counts = sa.select(c.status, sa.func.count()).where(c.date == newest).group_by(c.status).order_by(c.status)
    statuses: dict[str, int] = dict(connection.execute(counts).all())
    text = f"newest session {newest}: " + ", ".join(f"{count} {status}" for status, count in statuses.items())
    if statuses.keys() - TAKEN:
        mend = f"run `kapman materialize --session {newest} --select group:options`: it asks for what is missing"
        return Finding("option chains", Level.WARN, text, mend)
    return Finding("option chains", Level.OK, text)


def _databases(settings: Settings, kind: MarketKind, now: datetime) -> Iterator[Finding]:
    try:
        urls = database.database_urls(settings)
        database.ensure_database(urls.warehouse)
        database.ensure_database(urls.dagster)
        state = database.schema_status(urls.warehouse)
    except KapmanError as error:
        yield Finding("database", Level.FAIL, str(error))
        return
    engine = database.make_engine(urls.warehouse, application_name="kapman:doctor", read_only=True)
    try:
        with engine.connect() as connection:
            version = connection.scalar(sa.text("SHOW server_version"))
            where = "embedded" if settings.is_embedded else "external"
            yield Finding("database", Level.OK, f"PostgreSQL {version}, {where}; Dagster's database is there")
            if not state.is_current:
                text = f"schema is at {state.current or 'none'}, needed {state.needed}"
                yield Finding("schema", Level.FAIL, text, "run `kapman db upgrade`")
                return
            yield Finding("schema", Level.OK, f"revision {state.current}")
            held = held_market(connection)
            if held is not None and held[0] is not kind:
                text = f"the database holds a {held[0]} market (from {held[1]}), the configuration is {kind}"
                yield Finding("market", Level.FAIL, text, "use another KAPMAN_HOME or DATABASE_URL")
            else:
                yield Finding("market", Level.OK, f"the database holds {'a ' + held[0] if held else 'no'} market")
            yield _gaps(connection)
            yield _chains(connection)
            age = last_session_age(connection, now)
            # A recording ends where it ends; only a market that goes on can be behind.
            if age.passed or kind is MarketKind.RECORDED:
                yield Finding("newest session", Level.OK, age.summary)
            else:
                mend = "run `kapman up`, or `kapman materialize --session …`"
                yield Finding("newest session", Level.WARN, age.summary, mend)
    finally:
        engine.dispose()
