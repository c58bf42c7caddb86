"""`python -m benchmarks.wyckoff`: read the reporting seeds and the recording, write the documents."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from benchmarks.wyckoff import forward, mood, pages, speed, study
from benchmarks.wyckoff.generator import Bars
from benchmarks.wyckoff.nulls import read_recorded
from kapman_assets.wyckoff.parameters import Parameters

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
RECORDED = Path(os.environ.get("KAPMAN_REAL_DATA", PROJECT.parent / "shared" / "data")) / "flatfiles_2024_2026"
SESSIONS = 500
"""Sessions that a recorded name must have."""

DEVELOPMENT = range(1000)
REPORT, REPORT_NULLS = range(20_000, 23_000), range(20_000, 20_500)
"""Read once for each set of parameters: those of wyckoff-1 were 10,000 to 12,999. A new set needs new seeds."""

QUICK = 40


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wyckoff", description="The Wyckoff benchmark.")
    parser.add_argument(
        "--development", action="store_true", help="development seeds; prints the table, writes nothing"
    )
    parser.add_argument("--quick", action="store_true", help="few seeds, to test the benchmark; reaches mean nothing")
    parser.add_argument("--forward", action="store_true", help="only what recorded prices did, where they are")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder of the documents; default docs/")
    options = parser.parse_args()
    parameters = Parameters()
    rules = parameters.detection
    seeds, null_seeds, tuning = REPORT, REPORT_NULLS, DEVELOPMENT
    if options.development:
        seeds, null_seeds = DEVELOPMENT, DEVELOPMENT[:250]
    if options.quick:
        seeds, null_seeds, tuning = seeds[:QUICK], null_seeds[:QUICK], tuning[:QUICK]
    console = Console(stderr=True)
    with console.status("") as status:
        status.update("reading the recording ...")
        market = read_recorded(RECORDED, SESSIONS) if RECORDED.is_dir() else {}
        if market and not options.development:
            status.update("forward study ...")
            _follow(market, parameters, options.output)
        if options.forward:
            return
        recorded = [bars for _, bars in market.values()]
        by_noise, by_signal = {}, {}
        for noise in study.NOISE:
            status.update(f"noise {noise} ...")
            by_noise[noise] = study.count(study.planted(seeds, noise), rules)
        for signal in study.SIGNAL:
            status.update(f"volume signal {signal} ...")
            by_signal[signal] = study.count(study.planted(seeds, 1.0, signal), rules)
        status.update("nulls ...")
        nulls = study.false_alarms(null_seeds, recorded, rules)
        trade_off = []
        for strictness in study.STRICTNESS:
            status.update(f"trade-off {strictness} ...")
            changed = rules._replace(climax_strength=strictness)
            quiet = study.false_alarms(tuning[: len(tuning) // 8], recorded, changed)
            found = study.count(study.planted(tuning), changed)
            trade_off.append((strictness, found, study.together(list(quiet.values()))))
        status.update("speed ...")
        timings = speed.measure(1, DEVELOPMENT.stop) if options.quick else speed.measure()
    page = pages.benchmark(
        seeds=seeds,
        null_seeds=null_seeds,
        recorded=bool(recorded),
        by_noise=by_noise,
        by_signal=by_signal,
        nulls=nulls,
        trade_off=trade_off,
        speed=timings,
        version=parameters.version,
    )
    print(page)
    if options.development:
        return
    images = options.output / "images"
    images.mkdir(parents=True, exist_ok=True)
    (options.output / "wyckoff-benchmark.md").write_text(page)
    (images / "wyckoff-confusion.svg").write_text(pages.confusion_picture(by_noise[1.0]))
    (images / "wyckoff-trade-off.svg").write_text(pages.trade_off_picture(trade_off))


def _follow(market: Mapping[str, tuple[list[str], Bars]], parameters: Parameters, output: Path) -> None:
    """Write the document of what recorded prices did."""
    days = sorted({day for days, _ in market.values() for day in days})
    page = pages.forward(
        forward.study(market, parameters.detection),
        mood.study(market, parameters),
        symbols=len(market),
        first=days[0],
        last=days[-1],
        version=parameters.version,
    )
    output.mkdir(parents=True, exist_ok=True)
    (output / "wyckoff-forward.md").write_text(page)


if __name__ == "__main__":
    main()
