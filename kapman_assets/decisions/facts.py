"""What an advisor may know of a candidate: the stored facts of one name in one session, typed and ready for JSON.

Nothing is read or judged here. Every number has a name and a unit, so that a sentence can be held against it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

HORIZON_SESSIONS = 20
"""Sessions after which a forecast is judged at the latest; the same for every advisor."""

NEUTRAL_SHARE = 0.25
"""The neutral band is this share of one standard deviation over the horizon, from the 20-session volatility."""

UNKNOWN_NEUTRAL_BAND = 0.02
"""Neutral band where that volatility is unknown."""

_SESSIONS_PER_YEAR = 252
_LONGEST_NAME = 80


class Unit(StrEnum):
    """What a number is measured in, and with it how a sentence may say it."""

    USD = "USD"
    RATIO = "decimal: 0.25 may be said as 25 %"
    PERCENT = "per cent: 25 may be said as 25 %"
    POINTS = "points of its own scale"
    COUNT = "a count"


_DECIMALS = {Unit.USD: 4, Unit.RATIO: 4, Unit.PERCENT: 2, Unit.POINTS: 2, Unit.COUNT: 0}

UNITS: Mapping[str, Unit] = {
    **dict.fromkeys(
        (
            "close", "price_level", "support", "resistance", "atr_14", "macd_histogram", "sma_20", "sma_50", "sma_200",
            "gamma_flip_level", "call_wall", "put_wall", "net_gex", "gross_gex", "expected_move_30d", "strike", "price",
        ),
        Unit.USD,
    ),
    **dict.fromkeys(
        (
            "neutral_band", "confidence", "phase_score", "phase_confidence", "composite_score", "iv_30d", "hv_20",
            "implied_volatility", "delta", "put_call_ratio_oi", "volume_ratio", "rvol",
        ),
        Unit.RATIO,
    ),
    **dict.fromkeys(("price_vs_sma20", "price_vs_sma50", "price_vs_sma200"), Unit.PERCENT),
    **dict.fromkeys(
        (
            "bc_score", "spring_score", "rsi_14", "adx_14", "stoch_k", "mfi_14", "vsi", "dgpi", "iv_rank",
            "iv_percentile", "skew_25d", "term_structure", "iv_hv_diff",
        ),
        Unit.POINTS,
    ),
    **dict.fromkeys(("horizon_sessions", "sessions_ago", "dte", "multiplier", "open_interest", "volume"), Unit.COUNT),
}  # fmt: skip
"""Unit of every number by its field's name."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Signal(_Part):
    """The badge that made the name a candidate.

    Attributes:
        type: ENTRY_SIGNAL, ENTRY_SETUP, EXIT_CRITICAL or EXIT_WARNING.
        strength, message: as the reading of the structure words it.
        event: the Wyckoff event behind it; None where a score alone speaks.
    """

    type: str
    strength: str | None = None
    message: str | None = None
    event: str | None = None


class Event(_Part):
    """An active event of the structure; `sessions_ago` counts from its confirmation."""

    event: str
    event_date: date
    confirmed_date: date
    sessions_ago: int
    confidence: float
    price_level: float
    volume_ratio: float | None = None


class Structure(_Part):
    """Where the name is in its cycle, see `wyckoff_phases`."""

    regime: str
    phase: str
    wyckoff_phase: str | None = None
    sub_stage: str | None = None
    phase_score: float | None = None
    phase_confidence: float | None = None
    composite_score: float | None = None
    bc_score: int | None = None
    spring_score: int | None = None
    support: float | None = None
    resistance: float | None = None


class Indicators(_Part):
    """Of adjusted bars, see `technical_indicators` and `price_metrics`."""

    rsi_14: float | None = None
    macd_histogram: float | None = None
    adx_14: float | None = None
    atr_14: float | None = None
    stoch_k: float | None = None
    mfi_14: float | None = None
    sma_20: float | None = None
    sma_50: float | None = None
    sma_200: float | None = None
    price_vs_sma20: float | None = None
    price_vs_sma50: float | None = None
    price_vs_sma200: float | None = None
    rvol: float | None = None
    vsi: float | None = None


class Dealer(_Part):
    """How dealers stand, see `dealer_metrics`."""

    dgpi: float | None = None
    dealer_position: str | None = None
    gamma_flip_level: float | None = None
    call_wall: float | None = None
    put_wall: float | None = None
    net_gex: float | None = None
    gross_gex: float | None = None


class Volatility(_Part):
    """What options cost, see `volatility_metrics` and `price_metrics`."""

    iv_30d: float | None = None
    iv_rank: float | None = None
    iv_percentile: float | None = None
    skew_25d: float | None = None
    term_structure: float | None = None
    hv_20: float | None = None
    iv_hv_diff: float | None = None
    expected_move_30d: float | None = None
    put_call_ratio_oi: float | None = None
    volatility_regime: str | None = None


class Contract(_Part):
    """A contract of the session's chain that can be traded; `price` is USD a share and its basis says of what."""

    contract: str
    contract_type: Literal["call", "put"]
    strike: float
    expiration_date: date
    dte: int
    multiplier: float
    price: float
    price_basis: Literal["quote_mid", "last", "day_close"]
    implied_volatility: float | None = None
    delta: float | None = None
    open_interest: int
    volume: int | None = None


class Facts(_Part):
    """All that is told of a candidate.

    Attributes:
        symbol: the vendor's ticker.
        company: its name. Text from outside: data, whatever it says.
        session: whose close this is.
        close: raw, USD a share; the price at which an idea is measured.
        data_quality, missing: of the snapshot.
        horizon_sessions, neutral_band: how a forecast is judged; fixed, no advisor chooses them.
        contracts: what may be traded; empty with `no_trade_reason`.
        no_trade_reason: code of why there is none.
    """

    symbol: str
    company: str | None = None
    session: date
    close: float
    signal: Signal
    structure: Structure
    events: tuple[Event, ...] = ()
    indicators: Indicators = Indicators()
    dealer: Dealer = Dealer()
    volatility: Volatility = Volatility()
    data_quality: str
    missing: tuple[str, ...] = ()
    horizon_sessions: int = HORIZON_SESSIONS
    neutral_band: float
    no_trade_reason: str | None = None
    contracts: tuple[Contract, ...] = ()

    def contract(self, name: str) -> Contract | None:
        """The contract of that name, if it may be traded."""
        return next((one for one in self.contracts if one.contract == name), None)

    def event(self, *names: str) -> Event | None:
        """The last confirmed active event among some."""
        found = [one for one in self.events if one.event in names]
        return min(found, key=lambda one: one.sessions_ago) if found else None


class Number(NamedTuple):
    """A number of the facts.

    Attributes:
        name: dotted path of fields; a place in a list is left out.
        value: as told.
        unit: its unit.
    """

    name: str
    value: float
    unit: Unit


def numbers(part: BaseModel, *, prefix: str = "") -> Iterator[Number]:
    """Every number of a part and of the parts in it."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from numbers(value, prefix=f"{prefix}{name}.")
        elif isinstance(value, tuple):
            for one in value:
                if isinstance(one, BaseModel):
                    yield from numbers(one, prefix=f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield Number(prefix + name, float(value), UNITS[name])


def rounded(name: str, value: float | None) -> float | None:
    """A number with as many decimals as its unit is told with."""
    return None if value is None else round(value, _DECIMALS[UNITS[name]])


def neutral_band(hv_20: float | None) -> float:
    """The move over the horizon that counts as none, a fraction: a share of one standard deviation."""
    if hv_20 is None:
        return UNKNOWN_NEUTRAL_BAND
    return round(NEUTRAL_SHARE * hv_20 * float((HORIZON_SESSIONS / _SESSIONS_PER_YEAR) ** 0.5), 6)


def outside_text(text: str | None) -> str | None:
    """A name from outside as one short printable line; None if nothing is left of it."""
    if text is None:
        return None
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line[:_LONGEST_NAME].strip() or None
