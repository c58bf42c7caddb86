"""What the contracts of an idea are worth after a session, against what they cost. Nothing of bars or of Dagster.

A contract is worth what the session's chain says at its end, whenever in the session the idea ended; one whose last
session it is, its intrinsic value at the session's close. Early assignment and costs are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from kapman_assets.decisions.idea import Side
from kapman_assets.decisions.outcome_reasons import Reason
from kapman_resources.sessions import session_offset


@dataclass(frozen=True)
class HeldLeg:
    """A contract of an idea as it was issued.

    Attributes:
        contract: the vendor's ticker.
        side: BUY or SELL.
        quantity: contracts a unit.
        contract_type: call or put.
        strike: USD a share.
        expiration_date: last day.
        multiplier: shares a contract.
        price: at issue, USD a share.
    """

    contract: str
    side: Side
    quantity: int
    contract_type: str
    strike: float
    expiration_date: date
    multiplier: float
    price: float


class OptionResult(NamedTuple):
    """Profit or loss of a unit in USD with where its prices are from, or why it is unknown."""

    pnl: float | None
    basis: Literal["chain", "intrinsic"] | None
    reason: Reason | None


def option_result(
    legs: Sequence[HeldLeg],
    session: date,
    *,
    chain: Mapping[str, float | None] | None,
    closes: Mapping[date, float],
    is_split: bool,
) -> OptionResult:
    """Result of a unit at the end of a session.

    Args:
        legs: of the idea.
        session: XNYS session.
        chain: price of each contract in the session's chain, USD a share, None where it has none; None if no chain
            is stored.
        closes: of the underlying by session, in the shares of the session of issue.
        is_split: whether the underlying was split since. The exchange then replaces the contracts by others; an
            intrinsic value stays what it was, since both sides of it are in the shares of the session of issue.
    """
    if not legs:
        return OptionResult(None, None, Reason.NO_LEGS)
    after = session_offset(session, 1)
    total, all_expired = 0.0, True
    for leg in legs:
        is_expired = leg.expiration_date < after
        all_expired &= is_expired
        value = _intrinsic(leg, closes) if is_expired else _marked(leg, chain, is_split=is_split)
        if isinstance(value, Reason):
            return OptionResult(None, None, value)
        gain = value - leg.price if leg.side == "BUY" else leg.price - value
        total += gain * leg.quantity * leg.multiplier
    return OptionResult(total, "intrinsic" if all_expired else "chain", None)


def _intrinsic(leg: HeldLeg, closes: Mapping[date, float]) -> float | Reason:
    close = closes.get(session_offset(leg.expiration_date, 0))
    if close is None:
        return Reason.NO_CLOSE
    return max(close - leg.strike if leg.contract_type == "call" else leg.strike - close, 0.0)


def _marked(leg: HeldLeg, chain: Mapping[str, float | None] | None, *, is_split: bool) -> float | Reason:
    if is_split:
        return Reason.SPLIT
    if chain is None:
        return Reason.NO_CHAIN
    if leg.contract not in chain:
        return Reason.CONTRACT_GONE
    price = chain[leg.contract]
    return Reason.NO_PRICE if price is None else price
