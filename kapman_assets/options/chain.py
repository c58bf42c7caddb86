"""A session's contracts of one underlying as the rows that the metrics calculate on.

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

import numpy as np
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


@dataclass(frozen=True)
class Chain:
    """The contracts that count, and how many do not.

    Attributes:
        session: the session whose close the chain shows.
        spot: raw price of the underlying, unadjusted like the strikes; None if unknown.
        rows: one row a contract, by expiry, strike and type: expiration_date (timestamp), dte (calendar days, >= 1),
            years (dte / 365), strike, is_call, sign (+1 call, -1 put), open_interest, volume, multiplier,
            iv (as quoted), pricing_iv (within 0.01 to 5), delta and gamma (the vendor's, else by
            Black–Scholes–Merton from its IV). NaN is unknown.
        contracts: rows received.
        non_standard: left out as adjusted, or not known to be standard.
        expired: left out because their last day is the session or before.
        unusable: left out without a strike, an expiry, a type or a multiplier.
        rate: decimal a year, continuous; what was used for missing greeks.
        dividend_yield: decimal a year, continuous; likewise.
    """

    session: date
    spot: float | None
    rows: pd.DataFrame
    contracts: int
    non_standard: int
    expired: int
    unusable: int
    rate: float
    dividend_yield: float


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
    frame = contracts[list(COLUMNS)] if len(contracts) else contracts.reindex(columns=list(COLUMNS))
    expiry = pd.to_datetime(frame["expiration_date"], format="ISO8601", errors="coerce")
    rows = pd.DataFrame(
        {
            "expiration_date": expiry.astype("datetime64[ns]"),
            "strike": _positive(frame["strike"]),
            "is_call": frame["contract_type"].eq("call"),
            "open_interest": _known(frame["open_interest"], least=0),
            "volume": _known(frame["volume"], least=0),
            "multiplier": _positive(frame["multiplier"]),
            "iv": _positive(frame["implied_volatility"]),
            "delta": _known(frame["delta"], least=-1, most=1),
            "gamma": _positive(frame["gamma"]),
        }
    )
    is_standard = frame["is_standard"].eq(True)
    is_usable = frame["contract_type"].isin(["call", "put"]) & rows[
        ["expiration_date", "strike", "multiplier"]
    ].notna().all(axis=1)
    is_live = rows["expiration_date"] > pd.Timestamp(session)
    kept = rows[is_standard & is_usable & is_live].sort_values(
        ["expiration_date", "strike", "is_call"], ignore_index=True
    )
    price = _spot(spot)
    return Chain(
        session=session,
        spot=price,
        rows=_with_terms(kept, session, price, rate, dividend_yield),
        contracts=len(frame),
        non_standard=int((~is_standard).sum()),
        expired=int((is_standard & is_usable & ~is_live).sum()),
        unusable=int((is_standard & ~is_usable).sum()),
        rate=rate,
        dividend_yield=dividend_yield,
    )


def _with_terms(
    rows: pd.DataFrame, session: date, spot: float | None, rate: float, dividend_yield: float
) -> pd.DataFrame:
    """Add time, sign and the volatility to price with; fill delta and gamma from it."""
    dte = (rows["expiration_date"].dt.normalize() - pd.Timestamp(session)).dt.days
    rows = rows.assign(
        dte=dte,
        years=dte / DAYS_PER_YEAR,
        sign=np.where(rows["is_call"], 1.0, -1.0),
        pricing_iv=rows["iv"].clip(_MIN_PRICING_IV, _MAX_PRICING_IV),
    )
    price = np.nan if spot is None else spot
    strike, years, iv = (numbers(rows, name) for name in ("strike", "years", "pricing_iv"))
    is_call = rows["is_call"].to_numpy(dtype=bool)
    delta = black_scholes.delta(price, strike, years, iv, is_call=is_call, rate=rate, dividend_yield=dividend_yield)
    gamma = black_scholes.gamma(price, strike, years, iv, rate=rate, dividend_yield=dividend_yield)
    # A delta of 0 is a rounded or a missing one.
    has_right_sign = rows["delta"] * rows["sign"] > 0
    return rows.assign(
        delta=rows["delta"].where(has_right_sign, pd.Series(delta, rows.index)),
        gamma=rows["gamma"].fillna(pd.Series(gamma, rows.index)),
    )


def numbers(rows: pd.DataFrame, name: str) -> Floats:
    """A column as floats, NaN for what is unknown."""
    return rows[name].to_numpy(dtype=np.float64)


def total(values: pd.Series) -> float | None:
    """The sum of what is known, None if nothing is."""
    return float(values.sum()) if values.notna().any() else None


def _known(column: pd.Series, *, least: float, most: float = _LARGEST) -> pd.Series:
    """The column's numbers in a range, NaN elsewhere."""
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return values.where(values.between(least, most))


def _positive(column: pd.Series) -> pd.Series:
    return _known(column, least=_SMALLEST)


def _spot(spot: float | None) -> float | None:
    return float(spot) if spot is not None and _SMALLEST <= spot <= _LARGEST else None
