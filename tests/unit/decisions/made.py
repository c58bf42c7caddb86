"""Facts of a made-up name: a close of 100 in a range of 95 to 106, with contracts priced by Black-Scholes."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from kapman_assets.decisions.facts import (
    Contract,
    Dealer,
    Event,
    Facts,
    Indicators,
    Signal,
    Structure,
    Volatility,
    neutral_band,
)
from kapman_assets.decisions.idea import Idea, Leg
from kapman_assets.options import black_scholes

SESSION = date(2026, 7, 8)
EXPIRY = SESSION + timedelta(days=45)
LATER = SESSION + timedelta(days=60)
CLOSE = 100.0
VOLATILITY = 0.3


def contract(kind: str, strike: float, expiry: date = EXPIRY, **changed: Any) -> Contract:
    """A contract as Black-Scholes prices it."""
    dte = (expiry - SESSION).days
    terms = (CLOSE, strike, dte / 365, VOLATILITY)
    values: dict[str, Any] = {
        "contract": f"O:ACME{expiry:%y%m%d}{kind[0].upper()}{round(strike * 1000):08d}",
        "contract_type": kind,
        "strike": strike,
        "expiration_date": expiry,
        "dte": dte,
        "multiplier": 100.0,
        "price": round(float(black_scholes.price(*terms, is_call=kind == "call")), 2),
        "price_basis": "day_close",
        "implied_volatility": VOLATILITY,
        "delta": round(float(black_scholes.delta(*terms, is_call=kind == "call")), 4),
        "open_interest": 500,
        "volume": 20,
    }
    return Contract(**(values | changed))


def chain(strikes: Sequence[float] = tuple(range(90, 111, 2))) -> tuple[Contract, ...]:
    """Calls and puts of two expiries."""
    return tuple(
        contract(kind, strike, expiry) for expiry in (EXPIRY, LATER) for kind in ("call", "put") for strike in strikes
    )


def facts(**changed: Any) -> Facts:
    """A spring that waits for its strength, with every fact known; parts and fields are replaced by name."""
    values: dict[str, Any] = {
        "symbol": "ACME",
        "company": "Acme Corporation",
        "session": SESSION,
        "close": CLOSE,
        "signal": Signal(type="ENTRY_SETUP", strength="WEAK", message="SPRING confirmed", event="SPRING"),
        "structure": Structure(
            regime="ACCUM",
            phase="C",
            wyckoff_phase="A",
            sub_stage="spring",
            phase_score=0.5,
            phase_confidence=0.62,
            composite_score=0.41,
            bc_score=5,
            spring_score=8,
            support=97.5,
            resistance=106.0,
        ),
        "events": (event("SPRING", 1, price_level=97.0),),
        "indicators": Indicators(
            rsi_14=57.3,
            macd_histogram=0.12,
            adx_14=18.4,
            atr_14=1.6,
            stoch_k=61.0,
            mfi_14=52.2,
            sma_20=99.1,
            sma_50=98.2,
            sma_200=104.7,
            price_vs_sma20=0.91,
            price_vs_sma50=1.83,
            price_vs_sma200=-4.49,
            rvol=1.34,
            vsi=0.8,
        ),
        "dealer": Dealer(
            dgpi=12.5,
            dealer_position="long_gamma",
            gamma_flip_level=96.4,
            call_wall=110.0,
            put_wall=90.0,
            net_gex=1_234_567.0,
            gross_gex=4_200_000.0,
        ),
        "volatility": Volatility(
            iv_30d=0.312,
            iv_rank=44.0,
            iv_percentile=51.0,
            skew_25d=3.2,
            term_structure=-1.1,
            hv_20=0.28,
            iv_hv_diff=3.2,
        ),
        "data_quality": "complete",
        "neutral_band": neutral_band(0.28),
        "contracts": chain(),
    }
    return Facts(**(values | changed))


def event(name: str, ago: int, **changed: Any) -> Event:
    """An active event, confirmed some days ago."""
    day = SESSION - timedelta(days=ago)
    values = {
        "event": name,
        "event_date": day - timedelta(days=1),
        "confirmed_date": day,
        "sessions_ago": ago,
        "confidence": 0.77,
        "price_level": 97.0,
        "volume_ratio": 0.61,
    }
    return Event(**(values | changed))


def idea(**changed: Any) -> Idea:
    """A bull call spread that may be believed."""
    values: dict[str, Any] = {
        "action": "OPEN",
        "direction": "LONG",
        "strategy": "VERTICAL_SPREAD",
        "legs": (leg("call", 100), leg("call", 106, "SELL")),
        "stop_loss": 96.6,
        "profit_target": 106.0,
        "confidence": 0.58,
        "justification": "The SPRING of 2026-07-06 held support at 97.5 and the spring score is 8.",
    }
    return Idea(**(values | changed))


def leg(kind: str, strike: float, side: str = "BUY", expiry: date = EXPIRY) -> Leg:
    """A leg of the made-up chain."""
    return Leg(contract=contract(kind, strike, expiry).contract, side="BUY" if side == "BUY" else "SELL")
