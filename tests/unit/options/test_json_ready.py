"""Metrics as plain values."""

import json
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np
import pytest

from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.json_ready import json_ready
from kapman_assets.options.price import price_metrics
from kapman_assets.options.reasons import Reason
from kapman_assets.options.volatility import volatility_metrics
from kapman_assets.options.walls import MaxPain, Wall
from tests.unit.options.chains import chain_of, worked_chain

PLAIN = (str, int, float, bool, type(None))


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        return [leaf for one in value.values() for leaf in leaves(one)]
    return [leaf for one in value for leaf in leaves(one)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("contracts", [worked_chain(), []])
def test_all_metrics_become_plain_values(contracts: list[dict[str, Any]]) -> None:
    chain = chain_of(contracts)
    every = (
        dealer_metrics(chain, adv_20=1e8, hv_20=0.3),
        volatility_metrics(chain, []),
        price_metrics([100.0] * 30, [float("nan")] * 30, 0.25),
    )
    for metrics in every:
        plain = json_ready(metrics)

        assert list(plain) == [field.name for field in fields(metrics)]
        assert {type(leaf) for leaf in leaves(plain)} <= set(PLAIN)
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_what_the_worked_chain_becomes() -> None:
    plain = json_ready(dealer_metrics(chain_of(worked_chain()), adv_20=None, hv_20=0.3))

    assert (plain["dealer_status"], plain["status_reasons"]) == ("LIMITED", ["FEW_CONTRACTS"])
    assert (plain["dealer_position"], plain["position_vs_flip"], plain["flip_direction"]) == (
        "unknown",
        "above",
        "upward",
    )
    assert plain["null_reasons"] == {"gex_pct_adv": "NO_ADV", "dgpi": "NO_ADV"}
    assert [wall["strike"] for wall in plain["put_walls_oi"]] == [90, 95, 100]
    assert [pin["expiration_date"] for pin in plain["max_pains"]] == ["2026-09-20"]


def test_single_values() -> None:
    assert json_ready(MaxPain(date(2026, 8, 28), 100.0, 0.0, 7.0)) == {
        "expiration_date": "2026-08-28",
        "strike": 100.0,
        "payout": 0.0,
        "open_interest": 7.0,
    }
    assert json_ready(Wall(100.0, None, 7.0, 1.0, float("nan")))["distance_pct"] is None
    assert json_ready({"a": Reason.NO_IV, "b": (float("inf"), True, 3)}) == {"a": "NO_IV", "b": [None, True, 3]}
    assert type(json_ready(np.float64(0.5))) is float


def test_a_foreign_value_is_an_error() -> None:
    with pytest.raises(TypeError, match="ndarray"):
        json_ready({"a": np.zeros(2)})
