"""What the sentiment proxy is ranked from, read for the bars of some sessions. Plain SQL, no Dagster.

Chains count where they came whole: half a chain trades half of its volume. Nothing after the last session is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from kapman_assets.market.bar_tables import BarTable
from kapman_assets.options.price import VOLUME_WINDOW
from kapman_assets.wyckoff.features import Bars, Floats
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import CLIMAX_BARS, is_sound
from kapman_assets.wyckoff.sentiment import (
    PRICE_BARS,
    PRICE_COMPONENTS,
    Bools,
    Sentiments,
    option_components,
    price_components,
    sentiments,
)
from kapman_resources.binary_copy import FixedKind, read_columns
from kapman_resources.database import driver_connection
from kapman_resources.sessions import session_offset, sessions_between

_CHAINS = """
    SELECT o.ticker_id, o.date, coalesce(o.put_call_volume_ratio, 'NaN') AS put_call_ratio,
           coalesce(o.total_call_volume / coalesce(s.price_factor, 1), 'NaN') AS call_volume,
           coalesce(v.skew_25d, 'NaN') AS skew
    FROM options_daily_summary o
    LEFT JOIN volatility_metrics v
        ON v.ticker_id = o.ticker_id AND v.date = o.date AND v.date BETWEEN %(first)s AND %(last)s
    LEFT JOIN splits s ON s.ticker_id = o.ticker_id AND o.date >= s.applies_from AND o.date < s.execution_date
    WHERE o.date BETWEEN %(first)s AND %(last)s AND o.chain_status = 'COMPLETE'"""
_KINDS: dict[str, FixedKind] = {
    "ticker_id": "int4",
    "date": "date",
    **dict.fromkeys(("put_call_ratio", "call_volume", "skew"), "float8"),
}

_Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Moods:
    """The proxy on the sessions that the scores of some readings look at.

    Attributes:
        places: row of each name, by ticker_id.
        sessions: days (datetime64[D]), ascending.
        values: names x sessions.
    """

    places: dict[int, int]
    sessions: _Dates
    values: Sentiments

    def of(self, ticker_id: int, days: _Dates) -> tuple[Floats, Bools]:
        """Percentile and whether it rests on prices alone, on each of some ascending days; NaN before the sessions."""
        percentile, is_price_only = np.full(len(days), np.nan), np.zeros(len(days), dtype=np.bool_)
        asked = slice(int(np.searchsorted(days, self.sessions[0])), None)
        at = self.places[ticker_id], np.searchsorted(self.sessions, days[asked])
        percentile[asked], is_price_only[asked] = self.values.percentile[at], self.values.is_price_only[at]
        return percentile, is_price_only

    def describe(self, ticker_id: int, session: date) -> dict[str, Any]:
        """What the percentile of one session was made of."""
        place = int(np.searchsorted(self.sessions, np.datetime64(session, "D")))
        return self.values.describe(self.places[ticker_id], place)


def read_moods(
    connection: sa.Connection, bars: BarTable, sessions: Sequence[date], parameters: Parameters
) -> Moods | None:
    """The proxy for every reading of some sessions; None if there is nothing to read.

    Args:
        connection: the warehouse.
        bars: of every name that is read, up to the last session.
        sessions: ascending, without a gap.
        parameters: of the model.
    """
    first = _first_session(bars, sessions[0])
    if first is None:
        return None
    rules = parameters.sentiment
    grid = sessions_between(session_offset(first, -rules.history - VOLUME_WINDOW), sessions[-1])
    days = np.array(grid, dtype="datetime64[D]")
    chains = read_columns(driver_connection(connection), _CHAINS, {"first": grid[0], "last": grid[-1]}, _KINDS)
    ids = np.union1d(bars.ticker_id, chains["ticker_id"])
    at = np.searchsorted(ids, chains["ticker_id"]), np.searchsorted(days, chains["date"])
    panels = {name: np.full((len(ids), len(days)), np.nan) for name in ("put_call_ratio", "call_volume", "skew")}
    for name, panel in panels.items():
        panel[at] = chains[name]
    prices = {name: np.full((len(ids), len(days)), np.nan) for name in PRICE_COMPONENTS}
    for ticker_id, own in bars.names():
        _place_prices(prices, int(np.searchsorted(ids, ticker_id)), own, days, parameters.detection.pivot_wing)
    watched = connection.scalars(sa.text("SELECT ticker_id FROM tickers WHERE options_enabled")).all()
    last = len(grid) - grid.index(first)
    return Moods(
        places={ticker_id: place for place, ticker_id in enumerate(ids.tolist())},
        sessions=days[-last:],
        values=sentiments(option_components(**panels) | prices, np.isin(ids, watched), last, rules),
    )


def _first_session(bars: BarTable, first: date) -> date | None:
    """Session of the oldest bar that a climax score of `first` or later looks at; a halted name looks far back."""
    oldest = []
    for _, own in bars.names():
        days = own.date[is_sound(_bars(own))]
        place = int(np.searchsorted(days, np.datetime64(first, "D")))
        if place < len(days):
            oldest.append(days[max(place + 1 - CLIMAX_BARS, 0)])
    return min(oldest).item() if oldest else None


def _bars(own: BarTable) -> Bars:
    return Bars(own.open, own.high, own.low, own.close, own.volume)


def _place_prices(panels: dict[str, Floats], row: int, own: BarTable, days: _Dates, pivot_wing: int) -> None:
    """Write the price components of one name where its sessions are."""
    own = own[is_sound(_bars(own))]
    own = own[max(int(np.searchsorted(own.date, days[0])) + 1 - PRICE_BARS, 0) :]
    opened, high, low, close = (values * own.factor for values in (own.open, own.high, own.low, own.close))
    components = price_components(Bars(opened, high, low, close, own.volume / own.factor), pivot_wing)
    is_asked = own.date >= days[0]
    for name, values in components.items():
        panels[name][row, np.searchsorted(days, own.date[is_asked])] = values[is_asked]
