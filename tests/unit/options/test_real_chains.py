"""The recorded chains of one close: greeks agree with the vendor's, and every underlying has metrics."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kapman_assets.options import black_scholes
from kapman_assets.options.chain import read_chain
from kapman_assets.options.dealer import DealerStatus, dealer_metrics
from kapman_assets.options.gamma_exposure import FlipStatus, gamma_profile
from kapman_assets.options.volatility import volatility_metrics
from tests.unit.options.chains import SESSION

pytestmark = pytest.mark.real_data

RATE = 0.036
UNDERLYINGS = 91


@pytest.fixture(scope="module")
def contracts(real_data: Path) -> pd.DataFrame:
    recorded = pd.read_parquet(real_data / "options" / "chains_liquid_2026-08-22.parquet")
    names = {"expiration": "expiration_date", "type": "contract_type", "iv": "implied_volatility"}
    return recorded.rename(columns=names).assign(multiplier=100, is_standard=True)


def test_greeks_are_the_vendors_where_both_look_at_the_same_price(contracts: pd.DataFrame) -> None:
    # The file's volatility is of one source and its greeks are of another: they agree where the quote is tight.
    days = (pd.to_datetime(contracts["expiration_date"]) - pd.Timestamp(SESSION)).dt.days
    is_near = (contracts["strike"] / contracts["underlying_price"] - 1).abs() < 0.05
    is_tight = (contracts["ask"] - contracts["bid"]) / contracts["mid"] <= 0.05
    is_liquid = is_tight & (contracts["open_interest"] >= 100) & (contracts["volume"] > 0)
    # Four decimals of a gamma below .005 are two digits.
    rows = contracts[days.between(14, 90) & is_near & is_liquid & (contracts["gamma"] >= 0.005)]
    option = (rows["underlying_price"], rows["strike"], days[rows.index] / 365, rows["implied_volatility"])
    is_call = rows["contract_type"].eq("call").to_numpy()
    off = pd.DataFrame(
        {
            "delta": black_scholes.delta(*option, is_call=is_call, rate=RATE) - rows["delta"],
            "gamma": black_scholes.gamma(*option, rate=RATE) / rows["gamma"] - 1,
            "vega": black_scholes.vega(*option, rate=RATE) / rows["vega"] - 1,
            "theta": black_scholes.theta(*option, is_call=is_call, rate=RATE) / rows["theta"] - 1,
        }
    ).abs()
    median, most = off.median(), off.quantile(0.95)

    assert len(rows) > 400
    assert median["delta"] < 0.005
    assert most["delta"] < 0.02
    assert median["gamma"] < 0.04
    assert most["gamma"] < 0.10
    assert median["vega"] < 0.003
    assert most["vega"] < 0.02
    # Theta depends on rates, dividends and early exercise most of all.
    assert median["theta"] < 0.15
    assert most["theta"] < 0.30


def test_every_underlying_has_metrics(contracts: pd.DataFrame) -> None:
    chains = {
        symbol: read_chain(rows, SESSION, float(rows["underlying_price"].iloc[0]), rate=RATE)
        for symbol, rows in contracts.groupby("underlying")
    }
    agreeing = 0
    for chain in chains.values():
        dealer = dealer_metrics(chain, adv_20=1e9, hv_20=0.3)
        volatility = volatility_metrics(chain, [])

        assert dealer.dealer_status in {DealerStatus.FULL, DealerStatus.LIMITED}
        assert all(
            value is not None and np.isfinite(value)
            for value in (dealer.call_gex, dealer.put_gex, dealer.net_gex, dealer.gross_gex, dealer.dgpi)
        )
        assert dealer.flip_status != FlipStatus.UNKNOWN
        assert (dealer.gamma_flip_level is None) == (dealer.flip_status != FlipStatus.FOUND)
        assert volatility.iv_30d is not None
        assert 0.05 < volatility.iv_30d < 2
        assert dealer.max_pain is not None
        net, _ = gamma_profile(chain, np.array([chain.spot]))
        agreeing += bool(np.sign(net[0]) == np.sign(dealer.net_gex))

    assert len(chains) == UNDERLYINGS
    # Vendor gamma and re-priced gamma are of two sources here, too.
    assert agreeing >= 0.9 * UNDERLYINGS
