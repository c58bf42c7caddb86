"""Chains that say little or nothing: every unknown has a reason, nothing raises."""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.options.chain import COLUMNS, read_chain
from kapman_assets.options.dealer import DealerMetrics, DealerStatus, dealer_metrics
from kapman_assets.options.gamma_exposure import FlipStatus, gamma_flip, gex_totals
from kapman_assets.options.pressure import strike_slope
from kapman_assets.options.reasons import Reason
from kapman_assets.options.smile import smiles
from kapman_assets.options.volatility import VolatilityMetrics, volatility_metrics
from kapman_assets.options.walls import Walls, find_walls, max_pain
from tests.unit.options.chains import SESSION, contract, frame_of, worked_chain


def of(frame: pd.DataFrame, spot: float | None = 100.0) -> tuple[DealerMetrics, VolatilityMetrics]:
    chain = read_chain(frame, SESSION, spot)
    dealer = dealer_metrics(chain, adv_20=1e8, hv_20=0.3)
    volatility = volatility_metrics(chain, [0.2, 0.3] * 50)
    for metrics in (dealer, volatility):
        facts = asdict(metrics)
        assert {name for name, value in facts.items() if value is None} == set(metrics.null_reasons)
        for name, value in facts.items():
            assert not isinstance(value, float) or np.isfinite(value), name
    return dealer, volatility


def everything(**other: Any) -> pd.DataFrame:
    return frame_of(one | other for one in worked_chain())


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pd.DataFrame(), Reason.NO_CONTRACTS),
        (frame_of([]), Reason.NO_CONTRACTS),
        (everything(is_standard=False), Reason.NO_CONTRACTS),
        (everything(is_standard=None), Reason.NO_CONTRACTS),
        (everything(expiration_date=SESSION), Reason.NO_CONTRACTS),
        (everything(expiration_date=date(2026, 8, 14)), Reason.NO_CONTRACTS),
        (everything(expiration_date="someday"), Reason.NO_CONTRACTS),
        (everything(contract_type="other"), Reason.NO_CONTRACTS),
        (everything(contract_type=None), Reason.NO_CONTRACTS),
        (everything(multiplier=None), Reason.NO_CONTRACTS),
        (everything(strike=0), Reason.NO_CONTRACTS),
        (pd.DataFrame(np.nan, index=range(9), columns=list(COLUMNS)), Reason.NO_CONTRACTS),
        (everything(open_interest=0), Reason.NO_OPEN_INTEREST),
        (everything(open_interest=None), Reason.NO_OPEN_INTEREST),
        (everything(open_interest=-5), Reason.NO_OPEN_INTEREST),
        (everything(open_interest=float("inf")), Reason.NO_OPEN_INTEREST),
        (everything(implied_volatility=None), Reason.TOO_FEW_CONTRACTS),
        (everything(implied_volatility=0, gamma=0), Reason.TOO_FEW_CONTRACTS),
        (frame_of([contract("C", 100, 10)]), Reason.TOO_FEW_CONTRACTS),
    ],
)
def test_a_chain_that_says_nothing_has_no_metrics(frame: pd.DataFrame, reason: Reason) -> None:
    dealer, _ = of(frame)

    assert dealer.dealer_status == DealerStatus.INVALID
    assert dealer.status_reasons[0] == reason
    assert (dealer.net_gex, dealer.gamma_flip_level, dealer.call_walls, dealer.max_pain) == (None, None, (), None)
    assert dealer.null_reasons["net_gex"] == reason


@pytest.mark.parametrize("spot", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_without_a_spot_there_is_no_level(spot: float | None) -> None:
    dealer, volatility = of(everything(volume=1), spot)

    assert (dealer.dealer_status, dealer.status_reasons) == (DealerStatus.INVALID, (Reason.NO_SPOT,))
    assert volatility.iv_30d is None
    assert volatility.null_reasons["iv_30d"] == Reason.NO_SPOT
    assert volatility.pcr_oi is not None


def test_vendor_gamma_without_volatility_has_exposure_but_no_flip() -> None:
    dealer, volatility = of(everything(gamma=0.02, implied_volatility=None))

    assert dealer.net_gex is not None
    assert dealer.gamma_flip_level is None
    assert dealer.flip_coverage == 0
    assert dealer.null_reasons["gamma_flip_level"] == Reason.NO_PROFILE
    assert volatility.null_reasons["iv_30d"] == Reason.NO_IV
    assert volatility.null_reasons["weighted_iv"] == Reason.NO_IV


def test_one_strike_has_walls_and_a_pin() -> None:
    dealer, volatility = of(frame_of(contract(side, 100, 10) for side in "CCCPPP"))

    assert dealer.dealer_status == DealerStatus.LIMITED
    assert (dealer.call_wall, dealer.put_wall, dealer.max_pain) == (100, 100, 100)
    assert dealer.null_reasons["call_wall_above_spot"] == Reason.NO_STRIKE_IN_RANGE
    assert dealer.null_reasons["gamma_flip_level"] == Reason.NO_PROFILE
    assert volatility.iv_30d == pytest.approx(0.25)
    assert volatility.null_reasons["skew_25d"] == Reason.NO_DELTA_BRACKET


def test_calls_alone_have_no_crossing_and_no_pin() -> None:
    dealer, volatility = of(frame_of(contract("C", 100 + k, 10) for k in range(6)))

    assert dealer.null_reasons == {
        "gamma_flip_level": Reason.NO_CROSSING,
        "put_wall": Reason.NO_STRIKE_IN_RANGE,
        "put_wall_oi": Reason.NO_STRIKE_IN_RANGE,
        "max_pain": Reason.ONE_SIDED,
    }
    assert volatility.null_reasons["pcr_oi"] == Reason.NO_PUT_OPEN_INTEREST
    assert volatility.null_reasons["oi_turnover"] == Reason.NO_VOLUME


def test_what_is_left_out_is_counted() -> None:
    frame = frame_of(
        [
            contract("C", 100, 1),
            contract("C", 100, 1, is_standard=False),
            contract("C", 100, 1, dte=0),
            contract("C", 100, 1) | {"strike": None},
            contract("other", 100, 1),
        ]
    )
    chain = read_chain(frame, SESSION, 100.0)

    assert (chain.contracts, len(chain)) == (5, 1)
    assert (chain.non_standard, chain.expired, chain.unusable) == (1, 1, 2)


def test_numbers_of_a_database_are_numbers() -> None:
    as_stored = contract("C", 0, 7) | {"strike": Decimal(100), "multiplier": Decimal(100)}
    chain = read_chain(frame_of([as_stored]), SESSION, 100.0)

    assert [*chain.strike, *chain.open_interest, *chain.multiplier] == [100, 7, 100]


@pytest.mark.parametrize("day", [date(2026, 9, 20), "2026-09-20", pd.Timestamp("2026-09-20")])
def test_expiries_may_be_dates_texts_or_timestamps(day: object) -> None:
    chain = read_chain(everything(expiration_date=day), SESSION, 100.0)

    assert set(chain.dte) == {30}


def test_a_missing_column_is_an_error() -> None:
    with pytest.raises(KeyError, match="gamma"):
        read_chain(everything().drop(columns="gamma"), SESSION, 100.0)


anything = st.one_of(st.none(), st.floats(), st.integers(-5, 500))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "strike": anything,
                "expiration_date": st.sampled_from([None, SESSION, "2026-08-28", date(2026, 9, 18), date(2027, 1, 15)]),
                "contract_type": st.sampled_from(["call", "put", "other", None]),
                "open_interest": anything,
                "volume": anything,
                "implied_volatility": anything,
                "delta": anything,
                "gamma": st.none() | st.floats(-1, 1),
                "multiplier": st.sampled_from([100, 10, None]),
                "is_standard": st.sampled_from([True, True, True, False, None]),
            }
        ),
        max_size=25,
    ),
    st.none() | st.floats(),
)
def test_nothing_raises(rows: list[dict[str, Any]], spot: float | None) -> None:
    contracts = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    chain = read_chain(contracts, SESSION, spot)
    dealer = dealer_metrics(chain, adv_20=None, hv_20=None)
    volatility = volatility_metrics(chain, [])

    for metrics in (dealer, volatility):
        facts = asdict(metrics)
        assert {name for name, value in facts.items() if value is None} == set(metrics.null_reasons)


def test_each_part_says_nothing_without_a_spot() -> None:
    chain = read_chain(everything(), SESSION, None)

    assert gex_totals(chain) is None
    assert (gamma_flip(chain).status, gamma_flip(chain).level) == (FlipStatus.UNKNOWN, None)
    assert find_walls(chain) == Walls((), (), None)
    assert max_pain(chain) == ()
    assert strike_slope(chain) is None
    assert smiles(chain) == ()
