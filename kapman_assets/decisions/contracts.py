"""Contracts of a chain that can be traded, and which of them a strategy takes: by delta, days to expiry, interest.

Plain rules on rows. What a position costs and can bring is in `economics`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np

from kapman_assets.decisions.facts import Contract, rounded
from kapman_assets.decisions.idea import Direction, Leg, Strategy
from kapman_assets.options import black_scholes
from kapman_resources.sessions import NEW_YORK

MIN_DTE, MAX_DTE = 30, 90
"""Calendar days to expiry of a swing trade (architecture v2.0 §2.2)."""

SHOWN_DTE = (45, 60)
"""The expiries nearest to these are shown to an advisor."""

MIN_DELTA, MAX_DELTA = 0.10, 0.85
"""Absolute deltas of what is shown."""

SHOWN_A_SIDE = 15
"""Calls, and puts, of one expiry that are shown at most: with two expiries 60 contracts."""

LEAST_CHOICE = 6
"""Contracts of an expiry that make a choice."""

PriceBasis = Literal["quote_mid", "last", "day_close"]
PRICE_BASES: tuple[PriceBasis, ...] = ("quote_mid", "last", "day_close")
"""From the best to the least."""


@dataclass(frozen=True)
class Listed:
    """A contract as the chain of a session has it; see `options_chains` for the units."""

    contract: str
    contract_type: str
    strike: float
    expiration_date: date
    multiplier: float | None
    is_standard: bool
    open_interest: int | None = None
    volume: int | None = None
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    traded_at: datetime | None = None
    close: float | None = None
    implied_volatility: float | None = None
    delta: float | None = None


@dataclass(frozen=True)
class Choice:
    """What is looked for.

    Attributes:
        delta: absolute delta of the leg that carries the idea.
        wing_delta: absolute delta of the other leg of a spread.
        dte: calendar days to expiry.
        delta_slack: how far a delta may be from the one looked for.
        equal_deltas: deltas no further from the best than this are alike; the most open interest decides.
        least_interest: contracts of open interest that a leg must have.
    """

    delta: float
    wing_delta: float | None
    dte: int
    delta_slack: float
    equal_deltas: float
    least_interest: int


def price_of(listed: Listed, session: date) -> tuple[float, PriceBasis] | None:
    """USD a share and what it is: the middle of a sane quote, else the session's last trade, else its day's close."""
    if listed.bid is not None and listed.ask is not None and 0 < listed.bid <= listed.ask:
        return round((listed.bid + listed.ask) / 2, 4), "quote_mid"
    traded = None if listed.traded_at is None else listed.traded_at.astimezone(NEW_YORK).date()
    if listed.last is not None and listed.last > 0 and traded in {None, session}:
        return round(listed.last, 4), "last"
    if listed.close is not None and listed.close > 0 and listed.volume:
        return round(listed.close, 4), "day_close"
    return None


def tradable(chain: Iterable[Listed], session: date, close: float) -> list[Contract]:
    """The standard contracts of a chain with 30 to 90 days, open interest, a price and a delta, by expiry and strike.

    A delta that the vendor does not give is Black-Scholes of its volatility, without rate and dividends.

    Args:
        chain: its rows.
        session: whose close it shows.
        close: of the underlying, USD a share, raw.
    """
    found = []
    for row in chain:
        dte = (row.expiration_date - session).days
        priced = price_of(row, session)
        if (
            priced is None
            or not row.is_standard
            or row.contract_type not in {"call", "put"}
            or not MIN_DTE <= dte <= MAX_DTE
            or not row.open_interest
            or row.open_interest < 0
            or row.multiplier is None
            or not row.strike > 0
        ):
            continue
        delta = row.delta if row.delta is not None else _computed_delta(row, dte, close)
        if delta is None:
            continue
        found.append(
            Contract(
                contract=row.contract,
                contract_type="call" if row.contract_type == "call" else "put",
                strike=row.strike,
                expiration_date=row.expiration_date,
                dte=dte,
                multiplier=row.multiplier,
                price=priced[0],
                price_basis=priced[1],
                implied_volatility=rounded("implied_volatility", row.implied_volatility),
                delta=rounded("delta", delta),
                open_interest=row.open_interest,
                volume=row.volume,
            )
        )
    return sorted(found, key=lambda one: (one.expiration_date, one.contract_type, one.strike, one.contract))


def _computed_delta(row: Listed, dte: int, close: float) -> float | None:
    if row.implied_volatility is None:
        return None
    is_call = row.contract_type == "call"
    value = float(
        black_scholes.delta(
            close, row.strike, dte / black_scholes.DAYS_PER_YEAR, row.implied_volatility, is_call=is_call
        )
    )
    return value if np.isfinite(value) else None


def shown(contracts: Sequence[Contract]) -> tuple[Contract, ...]:
    """The contracts that an advisor is told of: the expiries nearest to 45 and 60 days, middling deltas, thinned.

    An expiry with fewer than `LEAST_CHOICE` of them is passed over for one with more, if there is one.
    """
    middling = [one for one in contracts if one.delta is not None and MIN_DELTA <= abs(one.delta) <= MAX_DELTA]
    counts = Counter(one.expiration_date for one in middling)
    wide = [expiry for expiry, count in counts.items() if count >= LEAST_CHOICE] or list(counts)
    days = {one.expiration_date: one.dte for one in middling}
    wanted: set[date] = set()
    for dte in SHOWN_DTE:
        others = [expiry for expiry in wide if expiry not in wanted]
        if others:
            wanted.add(min(others, key=lambda expiry: (abs(days[expiry] - dte), expiry)))
    kept: list[Contract] = []
    for expiry in sorted(wanted):
        for kind in ("call", "put"):
            side = [one for one in middling if one.expiration_date == expiry and one.contract_type == kind]
            kept += _thinned(side, SHOWN_A_SIDE)
    return tuple(kept)


def _thinned(side: Sequence[Contract], most: int) -> list[Contract]:
    """At most so many, evenly over the strikes."""
    if len(side) <= most:
        return list(side)
    return [side[place] for place in np.linspace(0, len(side) - 1, most).round().astype(int).tolist()]


def choose(
    contracts: Sequence[Contract], strategy: Strategy, direction: Direction, choice: Choice, *, is_credit: bool = False
) -> tuple[Leg, ...] | None:
    """The legs of a strategy; None where the chain has none that fit.

    Args:
        contracts: what may be traded.
        strategy: which one.
        direction: LONG or SHORT.
        choice: what is looked for.
        is_credit: whether a spread is sold: the leg that carries the idea is then the sold one.
    """
    is_long = direction == "LONG"
    kind = "put" if strategy == "CSP" or (strategy != "LONG_CALL" and is_long == is_credit) else "call"
    side: Literal["BUY", "SELL"] = "SELL" if is_credit or strategy == "CSP" else "BUY"
    usable = [one for one in contracts if one.contract_type == kind and one.open_interest >= choice.least_interest]
    for expiry in sorted({(abs(one.dte - choice.dte), one.dte) for one in usable}):
        of_expiry = [one for one in usable if one.dte == expiry[1]]
        main = _nearest(of_expiry, choice.delta, choice)
        if main is None:
            continue
        if strategy != "VERTICAL_SPREAD":
            return (Leg(contract=main.contract, side=side),)
        wings = [one for one in of_expiry if abs(one.delta or 0) < abs(main.delta or 0) and one.strike != main.strike]
        wing = _nearest(wings, choice.wing_delta or 0, choice)
        if wing is not None:
            other: Literal["BUY", "SELL"] = "BUY" if side == "SELL" else "SELL"
            return Leg(contract=main.contract, side=side), Leg(contract=wing.contract, side=other)
    return None


def _nearest(contracts: Sequence[Contract], delta: float, choice: Choice) -> Contract | None:
    """The contract at a delta; of those that are alike the one with the most open interest."""
    distances = [(abs(abs(one.delta or 0) - delta), one) for one in contracts]
    near = [(distance, one) for distance, one in distances if distance <= choice.delta_slack]
    if not near:
        return None
    best = min(distance for distance, _ in near)
    alike = [(-one.open_interest, distance, one) for distance, one in near if distance <= best + choice.equal_deltas]
    return min(alike, key=lambda one: (one[0], one[1], one[2].strike))[2]
