"""`python -m benchmarks`: choose what to measure, measure it, print the table, write the results."""

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks import (
    analysis,
    chains,
    day,
    decisions,
    etf,
    history,
    machine,
    options_metrics,
    panel,
    reads,
    report,
    session,
    simulation,
    start,
    technicals,
)
from benchmarks.laboratory import FULL, QUICK, Laboratory
from benchmarks.report import Row
from benchmarks.wyckoff import speed

RESULTS = Path(__file__).with_name("results.json")
README = Path(__file__).parents[1] / "README.md"

SUBJECTS: dict[str, Callable[[Laboratory], list[Row]]] = {
    "session": session.measure,
    "history": history.measure,
    "reads": reads.measure,
    "simulation": simulation.measure,
    "etf": etf.measure,
    "start": start.measure,
    "options": options_metrics.measure,
    "chains": chains.measure,
    "technicals": technicals.measure,
    "analysis": analysis.measure,
    "decisions": decisions.measure,
    "day": day.measure,
    "panel": panel.measure,
    "wyckoff": lambda _: speed.measure(),
}


def main() -> None:
    """Measure every subject, or those that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Kapman's benchmark suite.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to test the suite; reaches mean nothing")
    parser.add_argument("--only", choices=SUBJECTS, nargs="+", help="measure these subjects")
    parser.add_argument(
        "--output", type=Path, help="where to write the results; default benchmarks/results.json for the full suite"
    )
    options = parser.parse_args()
    # Dagster says so of backfill policies and partitioned checks at every load; the versions are pinned.
    warnings.filterwarnings("ignore", message=r".*currently in (beta|preview)")
    subjects = {name: SUBJECTS[name] for name in options.only or SUBJECTS}
    is_whole = not options.quick and options.only is None
    laboratory = Laboratory(QUICK if options.quick else FULL)
    facts = machine.facts(laboratory)
    rows: list[Row] = []
    with Console(stderr=True).status("") as status:
        for name, measure in subjects.items():
            status.update(f"measuring {name} ...")
            rows += measure(laboratory)
    if options.quick:
        rows = [replace(row, met=None) for row in rows]
    report.print_table(rows, facts, is_quick=options.quick)
    output = options.output or (RESULTS if is_whole else None)
    if output is not None:
        written = report.write(output, rows, facts, is_quick=options.quick)
        if output == RESULTS:
            report.update_readme(README, written)


if __name__ == "__main__":
    main()
