"""`kapman notify`: try the channels of NOTIFY_URLS, see what is in the outbox, put back what was given up."""

from datetime import UTC, datetime

import sqlalchemy as sa
import typer
from rich.markup import escape

from kapman_assets.alerts.delivery import requeue
from kapman_assets.cli.console import console, explained
from kapman_resources import database
from kapman_resources.errors import ConfigurationError
from kapman_resources.notifier import Notifier
from kapman_resources.schema import notifications
from kapman_resources.settings import load_settings

app = typer.Typer(help="Channels of notifications: try them, see what waits, send again.", no_args_is_help=True)


@app.command()
def test() -> None:
    """Send one message to each channel of NOTIFY_URLS and say what became of it; exit code 1 if one failed."""
    with explained():
        notifier = _notifier()
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        failed = False
        for channel in notifier.channels:
            text = f"This is a test of the channel {channel}. Alerts of Kapman will come here."
            outcome = notifier.send(channel, "Kapman: test", text, None, f"test:{stamp}@{channel}")
            failed |= not outcome.ok
            said = "[green]taken[/]" if outcome.ok else f"[red]failed[/] {escape(outcome.error)}"
            console.print(f"{channel:<40} {said}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command()
def status() -> None:
    """Say what is in the outbox, by channel and status, with the last error."""
    with explained(), _engine(read_only=True).connect() as connection:
        n = notifications.c
        query = (
            sa.select(n.channel, n.status, sa.func.count(), sa.func.min(n.created_at), sa.func.max(n.last_error))
            .group_by(n.channel, n.status)
            .order_by(n.channel, n.status)
        )
        for channel, state, count, oldest, error in connection.execute(query):
            since = f" since {oldest:%Y-%m-%d %H:%M}" if state != "SENT" else ""
            console.print(f"{channel:<40} {state:<8} {count:>6}{since} {escape(error or '')}", soft_wrap=True)
        known = set(Notifier(load_settings().notify_urls).channels)
        console.print(f"Channels of NOTIFY_URLS: {', '.join(sorted(known)) or 'none'}.")


@app.command()
def retry() -> None:
    """Put every message that was given up back into the outbox; the next delivery sends it."""
    with explained(), _engine(read_only=False).begin() as connection:
        console.print(f"Due again: {requeue(connection)}.")


def _notifier() -> Notifier:
    urls = load_settings().notify_urls
    if not urls:
        raise ConfigurationError("NOTIFY_URLS is not set: name at least one address, such as mailtos://… or slack://…")
    return Notifier(urls)


def _engine(*, read_only: bool) -> sa.Engine:
    urls = database.database_urls(load_settings())
    return database.make_engine(urls.warehouse, application_name="kapman:notify", read_only=read_only)
