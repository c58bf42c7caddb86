"""What can be wrong with stored sessions as a whole, found by SQL and judged by plain rules.

Single rows were judged before they were stored (`day_file`); here a session is held against its provenance
and against the sessions before it. The Dagster checks around these verdicts are in `checks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

import sqlalchemy as sa

from kapman_assets.verdict import Verdict
from kapman_resources.sessions import file_due_at, latest_open_session, session_offset

TRAILING_SESSIONS = 20
"""Sessions before the judged one whose median is the yardstick."""

_TRAILING_DAYS = 45
"""Calendar days that hold them; an older neighbour says nothing about this session."""

MIN_ROWS_SHARE = 0.8
"""Fewer rows than this share of the trailing median is a file that is not whole."""

_FLAT_TIMES, _FLAT_MARGIN = 3.0, 0.05
"""A share of flat bars (open = high = low = close) above times x median + margin is a broken feed (2025-03-17)."""


@dataclass(frozen=True)
class _Day:
    rows: int
    recorded: int | None
    out_of_order: int
    out_of_order_symbols: list[str]
    flat_share: float


_DAYS = r"""
SELECT o.date, count(*) AS rows, s.rows_stored,
       count(*) FILTER (WHERE o.high < greatest(o.open, o.close) OR o.low > least(o.open, o.close) OR o.low <= 0),
       (array_agg(t.symbol ORDER BY t.symbol) FILTER (
            WHERE o.high < greatest(o.open, o.close) OR o.low > least(o.open, o.close) OR o.low <= 0))[1\:10],
       avg(CAST(o.open = o.high AND o.high = o.low AND o.low = o.close AS int))
FROM ohlcv o
LEFT JOIN ohlcv_sessions s ON s.date = o.date
-- Only the names of offending bars are needed: joining all rows would cost more than everything else here.
LEFT JOIN tickers t ON t.ticker_id = o.ticker_id
    AND (o.high < greatest(o.open, o.close) OR o.low > least(o.open, o.close) OR o.low <= 0)
WHERE o.date BETWEEN :first AND :last
GROUP BY o.date, s.rows_stored
"""

_RECORDED = "SELECT date FROM ohlcv_sessions WHERE date BETWEEN :first AND :last AND rows_stored > 0"

_KEY = """
SELECT count(*) FROM pg_index i
WHERE i.indrelid = to_regclass('ohlcv') AND i.indisprimary AND i.indisunique AND i.indisvalid
"""


class StoredDays:
    """The stored sessions from first to last of `sessions`, with the ones just before them, read once."""

    def __init__(self, connection: sa.Connection, sessions: Sequence[date]) -> None:
        self._sessions = sorted(sessions)
        first, last = self._sessions[0], self._sessions[-1]
        before = first - timedelta(days=_TRAILING_DAYS)
        rows = connection.execute(sa.text(_DAYS), {"first": before, "last": last})
        self._days = {row[0]: _Day(row[1], row[2], row[3], row[4] or [], float(row[5])) for row in rows}
        self._recorded = set(connection.scalars(sa.text(_RECORDED), {"first": first, "last": last}))
        self._has_key = connection.scalar(sa.text(_KEY)) == 1

    def unique_keys(self) -> Verdict:
        """One bar a ticker and session: the primary key stands, and no row is more or less than was written."""
        offenders = {}
        for day in self._sessions:
            stored = self._days.get(day)
            rows, recorded = (stored.rows, stored.recorded) if stored else (0, None)
            if rows != (recorded or 0) or (stored is None and day in self._recorded):
                offenders[day.isoformat()] = f"{rows:,} rows are stored, {recorded or 0:,} were written"
        key = "the primary key (ticker_id, date) is valid" if self._has_key else "ohlcv has no valid primary key"
        return Verdict(self._has_key and not offenders, f"{key}; {self._count(offenders)}", offenders)

    def ohlc_order(self) -> Verdict:
        """Low <= open, close <= high, and all positive, for every bar."""
        offenders = {
            day.isoformat(): f"{stored.out_of_order:,} bars: {', '.join(stored.out_of_order_symbols)}"
            for day in self._sessions
            if (stored := self._days.get(day)) and stored.out_of_order
        }
        return Verdict(not offenders, self._count(offenders), offenders)

    def row_floor(self) -> Verdict:
        """No session has far fewer rows than those before it."""
        offenders = {}
        for day in self._sessions:
            usual = self._trailing_median(day, "rows")
            stored = self._days.get(day)
            if usual is not None and (stored is None or stored.rows < MIN_ROWS_SHARE * usual):
                offenders[day.isoformat()] = f"{stored.rows if stored else 0:,} rows, median before it {usual:,.0f}"
        return Verdict(not offenders, self._count(offenders), offenders)

    def flat_share(self) -> Verdict:
        """No session has unusually many bars with open = high = low = close."""
        offenders = {}
        for day in self._sessions:
            usual = self._trailing_median(day, "flat_share")
            stored = self._days.get(day)
            if usual is not None and stored and stored.flat_share > _FLAT_TIMES * usual + _FLAT_MARGIN:
                offenders[day.isoformat()] = f"{stored.flat_share:.1%} flat bars, median before it {usual:.1%}"
        return Verdict(not offenders, self._count(offenders), offenders)

    def _trailing_median(self, day: date, field: str) -> float | None:
        """Median of the stored sessions among the twenty before `day`; None if fewer than five are stored."""
        earliest = session_offset(day, -TRAILING_SESSIONS)
        before = [getattr(stored, field) for other, stored in self._days.items() if earliest <= other < day]
        return float(median(before)) if len(before) >= TRAILING_SESSIONS // 4 else None

    def _count(self, offenders: dict[str, str]) -> str:
        return f"{len(offenders)} of {len(self._sessions)} sessions offend"


def last_session_age(connection: sa.Connection, now: datetime) -> Verdict:
    """Whether the newest stored session is the newest whose file is due."""
    newest = connection.scalar(sa.text("SELECT max(date) FROM ohlcv_sessions"))
    due = latest_open_session(now)
    while file_due_at(due) > now:
        due = session_offset(due, -1)
    if newest is not None and newest >= due:
        return Verdict(True, f"newest session {newest}, due {due}", {})
    missing = f"the newest stored session is {newest or 'none'}; the file of {due} is due"
    return Verdict(False, missing, {due.isoformat(): "not stored: materialise it, or see why its run failed"})


_SPLIT_GAPS = """
SELECT t.symbol, s.execution_date, s.split_from, s.split_to, before.close, at.open
FROM splits s
JOIN tickers t ON t.ticker_id = s.ticker_id
JOIN ohlcv at ON at.ticker_id = s.ticker_id AND at.date = s.execution_date
CROSS JOIN LATERAL (
    SELECT o.close FROM ohlcv o
    WHERE o.ticker_id = s.ticker_id AND o.date < s.execution_date AND o.date >= s.execution_date - 10
    ORDER BY o.date DESC LIMIT 1
) before
WHERE abs(ln(before.close * s.split_from / s.split_to / at.open)) >= :limit
ORDER BY s.execution_date DESC, t.symbol
"""

_SPLIT_FACTORS = """
SELECT t.symbol, s.execution_date, s.price_factor, s.vendor_factor
FROM splits s JOIN tickers t ON t.ticker_id = s.ticker_id
WHERE abs(s.price_factor / s.vendor_factor - 1) > :tolerance
ORDER BY s.execution_date DESC, t.symbol
"""

_MAX_SPLIT_GAP = 0.35
"""Largest |ln(previous close x factor / open)| on an execution date that still looks like the split's ratio."""

_FACTOR_TOLERANCE = 1e-9


def splits_fit_prices(connection: sa.Connection) -> Verdict:
    """Every split with bars on both sides explains the overnight price change."""
    rows = connection.execute(sa.text(_SPLIT_GAPS), {"limit": _MAX_SPLIT_GAP}).all()
    offenders = {
        f"{day} {symbol}": f"{start:g} for {end:g}, but close {close:g} opened at {opened:g}"
        for symbol, day, start, end, close, opened in rows
    }
    return Verdict(not offenders, f"{len(offenders)} splits do not fit their prices", offenders)


def splits_fit_vendor(connection: sa.Connection) -> Verdict:
    """Kapman's own factors equal the vendor's, where it sends them."""
    rows = connection.execute(sa.text(_SPLIT_FACTORS), {"tolerance": _FACTOR_TOLERANCE}).all()
    offenders = {f"{day} {symbol}": f"own factor {own:g}, vendor's {theirs:g}" for symbol, day, own, theirs in rows}
    return Verdict(not offenders, f"{len(offenders)} factors differ from the vendor's", offenders)


_WATCHED = """
SELECT DISTINCT t.symbol, t.is_active, t.universe_tier, t.delisted_on, t.last_ohlcv_date
FROM portfolio_tickers p JOIN tickers t ON t.ticker_id = p.ticker_id
ORDER BY t.symbol
"""

_SILENT_SESSIONS = 5


def watchlist_trades(connection: sa.Connection) -> Verdict:
    """Every name of a portfolio is listed and has had a bar within the last five stored sessions."""
    recent = connection.scalars(
        sa.text("SELECT date FROM ohlcv_sessions ORDER BY date DESC LIMIT :n"), {"n": _SILENT_SESSIONS}
    ).all()
    offenders = {}
    watched = connection.execute(sa.text(_WATCHED)).all()
    for symbol, is_active, tier, delisted_on, last in watched:
        if delisted_on is not None:
            offenders[symbol] = f"delisted on {delisted_on}"
        elif not is_active or (tier == "custom" and recent):
            offenders[symbol] = "unknown to the reference and to every day's bars"
        elif recent and (last is None or last < recent[-1]):
            offenders[symbol] = f"last bar {last or 'never'}"
    return Verdict(not offenders, f"{len(offenders)} of {len(watched)} names do not trade", offenders)
