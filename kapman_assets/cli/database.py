"""`kapman db`: the warehouse's schema, its backup and its restoration."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kapman_assets.cli.console import console, explained
from kapman_assets.cli.environment import upgrade_warehouse
from kapman_resources import database
from kapman_resources.settings import load_settings

app = typer.Typer(help="The warehouse: schema, backup, restore.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the schema to the newest revision; Dagster's database is created if it is not there."""
    with explained():
        urls = database.database_urls(load_settings())
        for url in (urls.warehouse, urls.dagster):
            database.ensure_database(url)
        before = database.schema_status(urls.warehouse)
        upgrade_warehouse(urls.warehouse)
        now = database.schema_status(urls.warehouse)
        console.print(f"Schema: {before.current or 'none'} → {now.current}.")


@app.command()
def status() -> None:
    """Say which revision the schema is at and what the session tables hold; exit code 1 if it must be upgraded."""
    with explained():
        urls = database.database_urls(load_settings())
        database.ensure_database(urls.warehouse)
        state = database.schema_status(urls.warehouse)
        console.print(f"Schema: {state.current or 'none'}, needed: {state.needed}.")
        if not state.is_current:
            console.print("Run `kapman db upgrade`.")
            raise typer.Exit(1)
        for line in _contents(urls.warehouse):
            console.print(line)


@app.command()
def backup(
    target: Annotated[Path | None, typer.Argument(help="File; default KAPMAN_HOME/backups/….dump.")] = None,
) -> None:
    """Write a compressed dump of the warehouse."""
    with explained():
        settings = load_settings()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = target or settings.kapman_home / "backups" / f"warehouse-{stamp}.dump"
        with console.status("Dumping the warehouse ..."):
            database.backup(database.database_urls(settings).warehouse, file)
        console.print(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB).")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `kapman db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the warehouse by a dump. Nothing changes unless all of it can be restored."""
    with explained():
        if not yes:
            typer.confirm("This replaces everything in the warehouse. Go on?", abort=True)
        with console.status("Restoring the warehouse ..."):
            url = database.database_urls(load_settings()).warehouse
            database.restore(url, source)
            # A dump may be of an earlier release, and holds no rights: roles are the server's.
            upgrade_warehouse(url)
        console.print(f"Restored {source}.")


def _contents(url: str) -> list[str]:
    from kapman_resources import partitioning
    from kapman_resources.schema import SESSION_TABLES

    engine = database.make_engine(url, application_name="kapman:db status", read_only=True)
    with engine.connect() as connection:
        lines = []
        for table in SESSION_TABLES:
            pieces = partitioning.slices(connection, table)
            span = f"{pieces[0].first:%Y-%m} to {pieces[-1].first:%Y-%m}" if pieces else "empty"
            lines.append(f"{table}: {len(pieces)} months, {span}, {sum(p.bytes for p in pieces) / 1e6:.1f} MB")
    engine.dispose()
    return lines
