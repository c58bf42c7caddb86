"""`python -m benchmarks.replay`: replay the recorded market, write the document; or report on a warehouse."""

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from benchmarks.laboratory import QUICK, Laboratory, Market
from benchmarks.replay.page import page
from benchmarks.replay.study import read_forecasts, up_rate
from kapman_assets.cli.environment import prepare, upgrade_warehouse
from kapman_assets.cli.materialize import run_assets
from kapman_resources import database
from kapman_resources.errors import KapmanError
from kapman_resources.sessions import sessions_between

PROJECT = Path(__file__).parents[2]
RECORDED = Path(os.environ.get("KAPMAN_REAL_DATA", PROJECT.parent / "shared" / "data")) / "flatfiles_2024_2026"
OUTPUT = PROJECT / "docs" / "replay.md"

_WAREHOUSE = "replay"
_BEFORE = (
    "technical_indicators", "wyckoff_events", "wyckoff_phases", "price_metrics", "volatility_metrics",
    "dealer_metrics", "daily_snapshots",
)  # fmt: skip
"""What recommendations are made of; there are no chains, and what comes from them says so."""

_DECISIONS = (
    "recommendations", "recommendation_legs", "recommendation_outcomes", "recommendation_reviews",
    "confidence_calibration", "forecast_accuracy",
)  # fmt: skip

# Every name is watched and may be traded.
_WATCH = (
    "UPDATE tickers SET options_enabled = true",
    "INSERT INTO portfolios (name) VALUES ('Replay')",
    "INSERT INTO portfolio_tickers (portfolio_id, ticker_id, priority) "
    "SELECT p.portfolio_id, t.ticker_id, 'P1' FROM portfolios p, tickers t WHERE p.name = 'Replay'",
)


def main() -> None:
    """Replay and write, or report and print."""
    warnings.filterwarnings("ignore", message=r".*currently in (beta|preview)")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument(
        "--configured", action="store_true", help="report on the configured warehouse as it is; prints, writes nothing"
    )
    parser.add_argument("--recorded", type=Path, default=RECORDED, help="flat files to replay; default %(default)s")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first session; default the first file's")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last session; default the last file's")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="document; default %(default)s")
    options = parser.parse_args()
    if options.configured:
        with _engine(prepare().urls.warehouse) as engine:
            print(report(engine))
        return
    with Console(stderr=True).status("") as status:
        laboratory = Laboratory(QUICK)
        sessions = _recorded_sessions(options.recorded, options.first, options.last)
        url = _replay(laboratory, options.recorded, sessions, status.update)
        with _engine(url) as engine:
            text = report(engine)
    options.output.write_text(text)
    print(text)


def report(engine: sa.Engine) -> str:
    """The document of what a warehouse holds.

    Raises:
        KapmanError: there is no recommendation in it.
    """
    with engine.connect() as connection:
        frame = read_forecasts(connection)
        if frame.empty:
            raise KapmanError(
                "The warehouse holds no recommendations: run `kapman materialize --select group:decisions "
                "--from A --to B` first."
            )
        market = connection.scalar(sa.text("SELECT kind FROM market")) or "recorded"
        scores = connection.execute(
            sa.text(
                "SELECT brier_raw, brier_calibrated FROM confidence_calibration WHERE brier_raw IS NOT NULL "
                "ORDER BY date DESC, outcomes DESC LIMIT 1"
            )
        ).one_or_none()
        calibration = None if scores is None else (scores.brier_raw, scores.brier_calibrated)
        return page(frame, market, up_rate(connection, frame), calibration)


def _recorded_sessions(directory: Path, first: date | None, last: date | None) -> list[date]:
    days = sorted(date.fromisoformat(path.name[:10]) for path in directory.glob("us_stocks_sip/**/*.csv.gz"))
    if not days:
        raise KapmanError(f"No flat files in {directory}: name another directory with --recorded or KAPMAN_REAL_DATA.")
    return sessions_between(first or days[0], last or days[-1])


def _replay(laboratory: Laboratory, files: Path, sessions: list[date], say: Callable[[str], None]) -> str:
    """Materialise everything from bars to accuracy in a new warehouse; its address."""
    url = laboratory.url(_WAREHOUSE)
    database.ensure_database(url)
    upgrade_warehouse(url)
    # Neither chains nor a reference: a directory of pages without any.
    pages = laboratory.home / "no_pages"
    pages.mkdir()
    environment = laboratory.environment(_WAREHOUSE, Market(files, sessions, rows=0, seconds=0.0))
    own = {"FLATFILES_URL": str(files), "OPTIONS_URL": str(pages), "KAPMAN_ENV": "prod", "AI_PROVIDER": "rules"}
    os.environ.update(environment | own)
    say("bars ...")
    run_assets("ohlcv", sessions)
    with _engine(url) as engine, engine.begin() as connection:
        for statement in _WATCH:
            connection.execute(sa.text(statement))
    for asset in (_BEFORE, _DECISIONS):
        say(f"{', '.join(asset)} ...")
        run_assets(" or ".join(f'key:"{key}"' for key in asset), sessions)
    return url


@contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    engine = database.make_engine(url, application_name="replay")
    try:
        yield engine
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
