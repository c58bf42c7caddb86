"""The watchlist file: which portfolios exist on the first day, and what is known of their names.

The file is the seed, not the truth: once a portfolio is in the database, its user's changes rule. Company
names come from the vendor's reference; sectors stand here because no daily vendor endpoint has them.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from kapman_resources.errors import ConfigurationError

WATCHLIST_FILE = Path(__file__).with_name("watchlist.csv")

PRIORITIES = ("P1", "P2")


@dataclass(frozen=True)
class WatchedTicker:
    """One line of the file: a symbol's place in a portfolio, and its GICS sector ("" where it has none)."""

    portfolio: str
    symbol: str
    priority: str
    sector: str


def read_watchlist(path: Path = WATCHLIST_FILE) -> list[WatchedTicker]:
    """Read the file, keeping its order.

    Raises:
        ConfigurationError: a missing column, an unknown priority, or a symbol twice in one portfolio.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        columns = set(WatchedTicker.__annotations__)
        if missing := columns - set(reader.fieldnames or ()):
            raise ConfigurationError(f"{path.name}: column {', '.join(sorted(missing))} is missing.")
        # line_num and not a count: the reader skips blank lines.
        watched = [
            (reader.line_num, WatchedTicker(**{column: (row[column] or "").strip() for column in columns}))
            for row in reader
        ]
    seen: set[tuple[str, str]] = set()
    for number, entry in watched:
        if not entry.symbol or entry.priority not in PRIORITIES:
            raise ConfigurationError(f"{path.name} line {number}: a symbol and a priority P1 or P2 are needed.")
        if (entry.portfolio, entry.symbol) in seen:
            raise ConfigurationError(f"{path.name} line {number}: {entry.symbol} is in {entry.portfolio} twice.")
        seen.add((entry.portfolio, entry.symbol))
    return [entry for _, entry in watched]
