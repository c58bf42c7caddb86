"""How results are said: one row a measurement, as a table for people and as results.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

MARKS = ("<!-- bench -->", "<!-- /bench -->")
"""Where the README holds the table."""

_WIDTH = 150
"""Columns of the table where no terminal says how many there are."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Attributes:
        what: what was measured.
        size: on how much.
        seconds: median of the repetitions; None for what is no duration.
        slowest: of the repetitions.
        repetitions: how many there were.
        rate: rows a second.
        peak_bytes: peak resident memory, for a row about memory.
        ratio: median seconds over those of the yardstick on the same rows.
        reach: what is to be reached; empty for information.
        met: whether it was; None for information.
        note: what a reader must know to read the number.
    """

    what: str
    size: str
    seconds: float | None = None
    slowest: float | None = None
    repetitions: int = 1
    rate: float | None = None
    peak_bytes: int | None = None
    ratio: float | None = None
    reach: str = ""
    met: bool | None = None
    note: str = ""


def timed(
    what: str,
    size: str,
    seconds: Sequence[float],
    *,
    rows: float | None = None,
    yardstick: Sequence[float] | None = None,
    max_seconds: float | None = None,
    max_ratio: float | None = None,
    note: str = "",
) -> Row:
    """A row of durations.

    Args:
        what: what was measured.
        size: on how much, in words.
        seconds: of every repetition.
        rows: handled in each, for the rate.
        yardstick: seconds of the yardstick on the same rows.
        max_seconds: reach of the median.
        max_ratio: reach of the median over the yardstick's.
        note: what a reader must know.
    """
    middle = median(seconds)
    ratio = None if yardstick is None else middle / median(yardstick)
    reaches, are_met = [], []
    if max_ratio is not None and ratio is not None:
        reaches.append(f"<= {max_ratio:g} x")
        are_met.append(ratio <= max_ratio)
    if max_seconds is not None:
        reaches.append(f"<= {_duration(max_seconds)}")
        are_met.append(middle <= max_seconds)
    return Row(
        what=what,
        size=size,
        seconds=middle,
        slowest=max(seconds),
        repetitions=len(seconds),
        rate=None if rows is None else rows / middle,
        ratio=ratio,
        reach=" and ".join(reaches),
        met=all(are_met) if are_met else None,
        note=note,
    )


def print_table(rows: Sequence[Row], facts: dict[str, Any], *, is_quick: bool) -> None:
    """Print the one table of the suite, with what it ran on below."""
    settings = " ".join(f"{name}={value}" for name, value in facts["server_settings"].items())
    table = Table(
        title="Kapman benchmarks" + (" (quick: sizes too small for the reaches)" if is_quick else ""),
        caption=f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['os']}, "
        f"Python {facts['python']}, PostgreSQL {facts['postgresql']}, {facts['date']}\n"
        "Yardstick, unless a note names another: binary COPY of the same rows, parsed before, into a plain table with "
        "the same key.\n"
        f"One committed transaction a session, in both; {settings}",
        caption_justify="left",
    )
    table.add_column("what")
    table.add_column("size", no_wrap=True)
    for heading in ("time", "rate", "x yardstick"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("reach", no_wrap=True)
    table.add_column("")
    for row in rows:
        table.add_row(
            f"{row.what}\n[dim]{row.note}[/]" if row.note else row.what,
            row.size,
            "" if row.seconds is None else _duration(row.seconds),
            _rate(row),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.reach,
            {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met],
        )
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)


def write(target: Path, rows: Sequence[Row], facts: dict[str, Any], *, is_quick: bool) -> dict[str, Any]:
    """Write results.json; what was written."""
    results = {"machine": facts, "quick": is_quick, "rows": [asdict(row) for row in rows]}
    text = json.dumps(results, indent=2, default=str)
    target.write_text(text + "\n")
    written: dict[str, Any] = json.loads(text)
    return written


def markdown(results: dict[str, Any]) -> str:
    """The content of results.json as the README shows it."""
    facts = results["machine"]
    lines = ["| what | size | time | rate | × yardstick | reach | |", "|---|---|---:|---:|---:|---|---|"]
    for values in results["rows"]:
        row = Row(**values)
        cells = (
            f"{row.what} ({row.note})" if row.note else row.what,
            row.size,
            "" if row.seconds is None else _duration(row.seconds),
            _rate(row),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.reach.replace("<=", "≤"),
            {True: "met", False: "**missed**", None: ""}[row.met],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Measured on {facts['date']}: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
            f"Python {facts['python']}, PostgreSQL {facts['postgresql']} with fsync and synchronous commit. "
            "The yardstick, unless a note names another, is binary COPY of the same rows, parsed before, into a plain "
            "table with the same key, one committed transaction a session.",
        ]
    )


def update_readme(readme: Path, results: dict[str, Any]) -> None:
    """Put the results between the README's marks."""
    before, _, rest = readme.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    readme.write_text(f"{before}{MARKS[0]}\n{markdown(results)}\n{MARKS[1]}{after}")


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:,.4g} ms" if seconds < 1 else f"{seconds:,.4g} s"


def _rate(row: Row) -> str:
    if row.peak_bytes is not None:
        return f"{row.peak_bytes / 1e6:,.0f} MB"
    return "" if row.rate is None else f"{row.rate:,.0f} rows/s"
