"""Small simulated markets and how to read them back, for the tests of this folder."""

import csv
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kapman_resources.sessions import sessions_between
from kapman_resources.simulation import MarketPlan, WatchedName
from kapman_resources.simulation.prices import SessionBars, walk
from kapman_resources.simulation.universe import Security, build_universe

WATCHED = (
    WatchedName("SPY", "Market Trust", None, is_etf=True),
    WatchedName("QQQ", "Technology Trust", "Information Technology", is_etf=True),
    WatchedName("GLD", "Gold Trust", "Precious Metals", is_etf=True),
    WatchedName("AAA", "Triple A Inc.", "Information Technology"),
    WatchedName("BBB", "Triple B Inc.", "Energy"),
    WatchedName("DEAD", "Dead Inc.", "Energy"),
    WatchedName("GONE", "Gone Inc.", "Energy"),
    WatchedName("OVER", "Over Inc.", "Energy"),
)
DEAD = ("DEAD", "GONE", "OVER")

# From standard to daylight time (2026-03-08) and over the first decimal volumes (2026-02-23).
FIRST, MIDDLE, LAST = date(2026, 1, 20), date(2026, 2, 25), date(2026, 3, 20)


def plan_of(**values: Any) -> MarketPlan:
    return MarketPlan(**{"first_session": FIRST, "watched": WATCHED, "dead": DEAD, "names": 60, **values})


CHAIN_WATCHED = (
    *WATCHED,
    *(WatchedName(f"C{letter}", f"Company {letter}", "Energy") for letter in "CDEFGH"),
    WatchedName("BRK.B", "Class B Inc.", "Energy"),
    WatchedName("NOPT", "Never Optioned Inc.", "Energy"),
)
CHAIN_FIRST = date(2026, 2, 19)
WITHOUT_OPTIONS = ("NOPT",)


def chain_plan_of(**values: Any) -> MarketPlan:
    """A plan with chains over an expiry (2026-02-20), a change of the clocks and several splits."""
    chosen = {
        "watched": CHAIN_WATCHED,
        "first_chain_session": CHAIN_FIRST,
        "without_options": WITHOUT_OPTIONS,
        "adjusted_options": ("AAA",),
        "forward_splits_per_year": 8.0,
    }
    return plan_of(**{**chosen, **values})


def walked(plan: MarketPlan, last: date) -> tuple[tuple[Security, ...], list[SessionBars]]:
    securities = build_universe(plan)
    return securities, list(walk(plan, securities, sessions_between(plan.first_session, last)))


def content(directory: Path) -> dict[str, bytes]:
    """Every visible file of a market by its path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def day_files(directory: Path) -> dict[date, pd.DataFrame]:
    """Every day file as text cells: nothing is read as missing or as a number."""
    return {
        date.fromisoformat(path.name.removesuffix(".csv.gz")): pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted((directory / "flatfiles/us_stocks_sip/day_aggs_v1").rglob("*.csv.gz"))
    }


def bars(directory: Path) -> pd.DataFrame:
    """Every row of every day file with its file's session, numbers as numbers."""
    files = pd.concat([rows.assign(session=session) for session, rows in day_files(directory).items()])
    numbers = ["volume", "open", "close", "high", "low", "window_start", "transactions"]
    return files.astype(dict.fromkeys(numbers, np.float64)).reset_index(drop=True)


def label(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / "labels" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def rest_pages(directory: Path, path: str) -> list[dict[str, Any]]:
    folder = directory / "rest" / path
    return [json.loads(gzip.decompress(page.read_bytes())) for page in sorted(folder.glob("*.json.gz"))]


def chain_pages(directory: Path) -> dict[tuple[date, str], list[dict[str, Any]]]:
    """The pages of every chain by session and symbol, in the order of their files."""
    root = directory / "rest/v3/snapshot/options"
    found: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for path in sorted(root.rglob("*.json.gz")):
        session, symbol, _, _ = path.relative_to(root).parts
        page = json.loads(gzip.decompress(path.read_bytes()))
        found.setdefault((date.fromisoformat(session), symbol), []).append(page)
    return found
