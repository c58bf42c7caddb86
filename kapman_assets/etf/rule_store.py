"""Alert rules of a session: stored rows in, what fires out. Plain SQL, no Dagster, and nothing is delivered.

The language and its logic are in `kapman_assets.rules`; here is which columns a stored rule may name, which names it is
asked of, and what is remembered for its silence.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_assets.etf.rule_names import ETF_NAMES
from kapman_assets.rules.catalogue import Catalogue, Name
from kapman_assets.rules.cool_down import firing
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.evaluation import evaluate
from kapman_assets.rules.parser import parse
from kapman_assets.rules.tree import Rule
from kapman_resources.schema import (
    alert_firings,
    alert_rules,
    daily_snapshots,
    etf_features,
    tickers,
    universe_technicals,
    watchlist,
)
from kapman_resources.sessions import session_offset

ETF, WATCHLIST, ALL = "etf", "watchlist", "all"
"""What a rule's `universe` may be besides a symbol, of which none is all lower case."""

_OTHERS = {"universe": universe_technicals, "snapshot": daily_snapshots}
"""Tables whose numbers are names too, with the prefix of those whose own name is taken by a table before."""


@dataclass(frozen=True)
class Firing:
    """A rule that fires for a name."""

    rule_id: int
    user_id: str
    name: str
    ticker_id: int
    symbol: str


@dataclass(frozen=True)
class Refused:
    """A rule that could not be asked, and what is wrong with it."""

    rule_id: int
    user_id: str
    name: str
    problem: str


@dataclass(frozen=True)
class Evaluation:
    """What the active rules came to in a session, by rule and symbol."""

    fired: Sequence[Firing]
    refused: Sequence[Refused]


def _other_columns() -> dict[str, sa.Column[Any]]:
    """The numbers of the other tables by their name in a rule."""
    found: dict[str, sa.Column[Any]] = {}
    taken = {name.name for name in ETF_NAMES}
    for prefix, table in _OTHERS.items():
        for column in table.columns:
            if isinstance(column.type, sa.Float | sa.Integer) and not column.primary_key:
                found[f"{prefix}_{column.name}" if column.name in taken | found.keys() else column.name] = column
    return found


_COLUMNS: dict[str, sa.Column[Any]] = {name.column: etf_features.c[name.column] for name in ETF_NAMES}
_COLUMNS |= _other_columns()

CATALOGUE = Catalogue(
    [
        *ETF_NAMES,
        # The comment of a column is where its unit stands.
        *(Name(name, str(of.comment), f"{of.table.name}.{of.name}", name) for name, of in _other_columns().items()),
    ]
)
"""Every name of a stored rule: the ETF columns, then the numbers of universe_technicals and daily_snapshots."""


def evaluate_rules(connection: sa.Connection, session: date) -> Evaluation:
    """Ask every active rule about a session, and remember what fires.

    What had fired in the session before is replaced: asked again, the same rows fire the same.

    Args:
        connection: in a transaction, which the caller commits.
        session: whose stored rows are asked; a `cross` also looks at the session before.
    """
    # Locked, so that two who ask at once do not both write.
    query = sa.select(alert_rules).where(alert_rules.c.is_active).order_by(alert_rules.c.rule_id).with_for_update()
    stored = connection.execute(query).all()
    ids = _ticker_ids(connection, {row.universe for row in stored})
    asked: list[tuple[Any, Rule]] = []
    refused: list[Refused] = []
    for row in stored:
        try:
            rule = parse(row.condition, CATALOGUE)
        except RuleError as error:
            refused.append(Refused(row.rule_id, row.user_id, row.name, str(error)))
            continue
        if row.universe in {ETF, WATCHLIST, ALL} or row.universe in ids:
            asked.append((row, rule))
        else:
            problem = f"there is no symbol {row.universe}; a rule is asked of {ETF}, {WATCHLIST}, {ALL} or one symbol"
            refused.append(Refused(row.rule_id, row.user_id, row.name, problem))
    days = _Days(connection, session, {name.column for _, rule in asked for name in rule.names})
    fired = [found for row, rule in asked for found in _fired(connection, days, row, rule, ids)]
    connection.execute(
        sa.delete(alert_firings).where(
            alert_firings.c.date == session, alert_firings.c.rule_id.in_([row.rule_id for row, _ in asked])
        )
    )
    if fired:
        connection.execute(
            sa.insert(alert_firings),
            [{"rule_id": one.rule_id, "ticker_id": one.ticker_id, "date": session} for one in fired],
        )
    return Evaluation(fired, refused)


class _Days:
    """Rows of a session and the one before by ticker, each horizon read once."""

    def __init__(self, connection: sa.Connection, session: date, names: Collection[str]) -> None:
        self.session = session
        self._connection = connection
        self._names = sorted(names)
        self._read: dict[tuple[int, str], pd.DataFrame] = {}

    def rows(self, horizon: str, *, before: int = 0) -> pd.DataFrame:
        """The columns that rules name, so many sessions before; a name has a row if any table has one."""
        if (before, horizon) not in self._read:
            day = session_offset(self.session, -before)
            self._read[before, horizon] = pd.concat(list(self._tables(day, horizon)), axis=1).sort_index()
        return self._read[before, horizon]

    def with_features(self) -> Sequence[int]:
        """The names that have ETF features in the session."""
        query = sa.select(etf_features.c.ticker_id).where(etf_features.c.date == self.session).distinct()
        return self._connection.scalars(query.order_by(etf_features.c.ticker_id)).all()

    def _tables(self, day: date, horizon: str) -> Iterator[pd.DataFrame]:
        for table in (etf_features, *_OTHERS.values()):
            names = [name for name in self._names if _COLUMNS[name].table is table]
            query = sa.select(table.c.ticker_id, *(_COLUMNS[name].label(name) for name in names))
            query = query.where(table.c.date == day)
            if table is etf_features:
                query = query.where(etf_features.c.horizon == horizon)
            rows = self._connection.execute(query).all() if names else []
            frame = pd.DataFrame(rows, columns=["ticker_id", *names])
            yield frame.astype({"ticker_id": "int64", **dict.fromkeys(names, "float64")}).set_index("ticker_id")


def _fired(connection: sa.Connection, days: _Days, row: Any, rule: Rule, ids: Mapping[str, int]) -> Iterator[Firing]:
    rows = days.rows(row.horizon)
    names: list[int]
    match row.universe:
        case "etf":
            names = list(days.with_features())
        case "watchlist":
            followed = sa.select(watchlist.c.ticker_id).where(watchlist.c.user_id == row.user_id)
            names = list(connection.scalars(followed.order_by(watchlist.c.ticker_id)))
        case "all":
            names = rows.index.tolist()
        case symbol:
            names = [ids[symbol]]
    now = rows.reindex(names)
    previous = days.rows(row.horizon, before=1).reindex(names) if rule.needs_previous else None
    decided = evaluate(rule, now, previous)
    held = {
        name: True for name, holds in zip(names, decided.to_numpy(dtype=bool, na_value=False), strict=True) if holds
    }
    before = sa.select(alert_firings.c.ticker_id, sa.func.max(alert_firings.c.date)).where(
        alert_firings.c.rule_id == row.rule_id, alert_firings.c.date < days.session
    )
    last_fired = dict(connection.execute(before.group_by(alert_firings.c.ticker_id)).all())
    firing_names = firing(days.session, held, last_fired, row.cool_down)
    symbols = _symbols(connection, firing_names)
    for name in firing_names:
        yield Firing(row.rule_id, row.user_id, row.name, name, symbols[name])


def _ticker_ids(connection: sa.Connection, symbols: Collection[str]) -> dict[str, int]:
    query = sa.select(tickers.c.symbol, tickers.c.ticker_id).where(tickers.c.symbol.in_(symbols))
    return dict(connection.execute(query).all())


def _symbols(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(tickers.c.ticker_id, tickers.c.symbol).where(tickers.c.ticker_id.in_(ids))
    return dict(connection.execute(query).all())
