"""What every command shares: the console, how an error is said, and how progress is drawn."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kapman_resources import progress
from kapman_resources.errors import KapmanError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def explained() -> Iterator[None]:
    """Say an error that was raised on purpose in its own words, and leave with exit code 1.

    Everything else is a defect and keeps its traceback.
    """
    try:
        yield
    except KapmanError as error:
        errors.print(f"[bold red]error[/] {escape(str(error))}")
        raise typer.Exit(1) from error


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Draw a bar for whatever this process reports while the block runs; plain lines outside a terminal."""
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=False, disable=not sys.stdout.isatty()) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            task = tasks.setdefault(what, TaskID(-1))
            if task == -1:
                task = tasks[what] = bars.add_task(what, total=total)
            bars.update(task, completed=done, total=total)

        with progress.listening(show):
            yield bars
