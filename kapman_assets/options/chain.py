"""A session's contracts of one underlying as the arrays that the metrics calculate on.

Input is a frame with one row a contract and the columns `COLUMNS`:

    strike              price per share
    expiration_date     date, timestamp or ISO text
    contract_type       "call" or "put"; others are left out
    open_interest       contracts; unknown is NaN, 0 is a fact
    volume              contracts traded in the session; NaN if unknown, and where the day bar is of an earlier session
                        the caller has to say 0
    implied_volatility  decimal a year; 0 is unknown
    delta               per share, puts negative; 0, out of range or of the wrong sign is unknown
    gamma               per share and 1 of spot; 0 is unknown
    multiplier          shares per contract
    is_standard         False for contracts adjusted after a corporate action, which enter no metric
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from kapman_assets.options import black_scholes
from kapman_assets.options.black_scholes import DAYS_PER_YEAR, Floats

COLUMNS = (
    "strike", "expiration_date", "contract_type", "open_interest", "volume", "implied_volatility", "delta", "gamma",
    "multiplier", "is_standard",
)  # fmt: skip

_SMALLEST, _LARGEST = 1e-9, 1e12
"""No price, size or greek of the market lies beyond; with what does, products of four would overflow."""
_MIN_PRICING_IV, _MAX_PRICING_IV = 0.01, 5.0

Days = npt.NDArray[np.datetime64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Chain:
    """The contracts that count, and how many do not.

    The arrays hold one value a contract, by expiry, strike and type, and contracts that are alike in these by all
    the rest, so that nothing depends on the order they came in. NaN is unknown.

    Attributes:
        session: the session whose close the chain shows.
        spot: raw price of the underlying, unadjusted like the strikes; None if unknown.
        expiration_date: days.
        dte: calendar days to expiry, >= 1.
        years: dte / 365.
        strike: price per share.
        is_call: else a put.
        sign: +1 call, -1 put.
        open_interest: contracts.
        volume: contracts traded in the session.
        multiplier: shares per contract.
        iv: as quoted, decimal a year.
        pricing_iv: within 0.01 to 5.
        delta: the vendor's, else by Black–Scholes–Merton from its IV.
        gamma: likewise.
        contracts: received.
        non_standard: left out as adjusted, or not known to be standard.
        expired: left out because their last day is the session or before.
        unusable: left out without a strike, an expiry, a type or a multiplier.
        rate: decimal a year, continuous; what was used for missing greeks.
        dividend_yield: decimal a year, continuous; likewise.
    """

    session: date
    spot: float | None
    expiration_date: Days
    dte: Integers
    years: Floats
    strike: Floats
    is_call: Bools
    sign: Floats
    open_interest: Floats
    volume: Floats
    multiplier: Floats
    iv: Floats
    pricing_iv: Floats
    delta: Floats
    gamma: Floats
    contracts: int
    non_standard: int
    expired: int
    unusable: int
    rate: float
    dividend_yield: float

    def __len__(self) -> int:
        """How many contracts count."""
        return len(self.strike)


def read_chain(
    contracts: pd.DataFrame,
    session: date,
    spot: float | None,
    *,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Chain:
    """Clean a session's contracts and fill greeks that the vendor did not give.

    Args:
        contracts: columns `COLUMNS`, one underlying.
        session: the chain shows its close; a contract that expires in it is over.
        spot: raw price of the underlying at that time.
        rate: risk-free rate for missing greeks and re-pricing.
        dividend_yield: of the underlying, likewise.

    Raises:
        KeyError: the frame has rows but lacks a column.
    """
    frame = contracts if len(contracts) else contracts.reindex(columns=list(COLUMNS))
    expiry = _days(frame["expiration_date"])
    strike, multiplier = _positive(frame["strike"]), _positive(frame["multiplier"])
    is_call, is_put = _is(frame["contract_type"], "call"), _is(frame["contract_type"], "put")
    is_standard = _is(frame["is_standard"], True)
    is_usable = (is_call | is_put) & ~(np.isnat(expiry) | np.isnan(strike) | np.isnan(multiplier))
    today = np.datetime64(session, "D")
    is_live = expiry > today
    columns: dict[str, npt.NDArray[Any]] = {
        "expiration_date": expiry,
        "strike": strike,
        "is_call": is_call,
        "open_interest": _known(frame["open_interest"], least=0),
        "volume": _known(frame["volume"], least=0),
        "multiplier": multiplier,
        "iv": _positive(frame["implied_volatility"]),
        "delta": _known(frame["delta"], least=-1, most=1),
        "gamma": _positive(frame["gamma"]),
    }
    counts = np.flatnonzero(is_standard & is_usable & is_live)
    order = counts[np.lexsort([column[counts] for column in reversed(columns.values())])]
    rows = {name: column[order] for name, column in columns.items()}
    dte = (rows["expiration_date"] - today).astype(np.int64)
    years = dte / DAYS_PER_YEAR
    sign = np.where(rows["is_call"], 1.0, -1.0)
    pricing_iv = np.clip(rows["iv"], _MIN_PRICING_IV, _MAX_PRICING_IV)
    price = _spot(spot)
    option = (np.nan if price is None else price, rows["strike"], years, pricing_iv)
    rates = {"rate": rate, "dividend_yield": dividend_yield}
    # A delta of 0 is a rounded or a missing one.
    has_delta = rows["delta"] * sign > 0
    rows["delta"] = np.where(has_delta, rows["delta"], black_scholes.delta(*option, is_call=rows["is_call"], **rates))
    rows["gamma"] = np.where(np.isnan(rows["gamma"]), black_scholes.gamma(*option, **rates), rows["gamma"])
    return Chain(
        session=session,
        spot=price,
        dte=dte,
        years=years,
        sign=sign,
        pricing_iv=pricing_iv,
        contracts=len(frame),
        non_standard=int((~is_standard).sum()),
        expired=int((is_standard & is_usable & ~is_live).sum()),
        unusable=int((is_standard & ~is_usable).sum()),
        rate=rate,
        dividend_yield=dividend_yield,
        **rows,
    )


def by_expiry(chain: Chain, is_counted: Bools) -> list[npt.NDArray[np.intp]]:
    """Where in the chain the contracts are that count: an array for each expiry with any, the nearest first."""
    places = np.flatnonzero(is_counted)
    parts = np.split(places, np.flatnonzero(np.diff(chain.dte[places])) + 1)
    return [part for part in parts if len(part)]


def total(values: Floats) -> float | None:
    """The sum of what is known, None if nothing is."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else None


def _days(column: pd.Series) -> Days:
    """Calendar days, NaT for what is none. Each text is read once: a chain has few."""
    if column.dtype.kind == "M":
        return column.to_numpy(dtype="datetime64[D]")
    codes, texts = pd.factorize(column)
    days = pd.to_datetime(texts, format="ISO8601", errors="coerce").to_numpy(dtype="datetime64[D]")
    return np.append(days, np.datetime64("NaT"))[codes]  # what is missing has the code -1


def _is(column: pd.Series, value: object) -> Bools:
    if column.dtype == bool and value is True:
        flags: Bools = column.to_numpy(dtype=bool)
        return flags
    return column.isin([value]).to_numpy(dtype=bool)


def _known(column: pd.Series, *, least: float, most: float = _LARGEST) -> Floats:
    """The column's numbers in a range, NaN elsewhere."""
    is_ready = column.dtype == np.float64
    numbers = column if is_ready else pd.to_numeric(column, errors="coerce")
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where((values >= least) & (values <= most), values, np.nan)


def _positive(column: pd.Series) -> Floats:
    return _known(column, least=_SMALLEST)


def _spot(spot: float | None) -> float | None:
    return float(spot) if spot is not None and _SMALLEST <= spot <= _LARGEST else None
