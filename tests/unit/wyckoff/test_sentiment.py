"""The sentiment proxy: ranks by hand and by scipy, what stands in for what, and what is told of it."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from kapman_assets.wyckoff.features import Floats
from kapman_assets.wyckoff.parameters import SentimentRules
from kapman_assets.wyckoff.sentiment import (
    OPTION_COMPONENTS,
    PRICE_COMPONENTS,
    Sentiments,
    option_components,
    price_components,
    sentiments,
)
from tests.unit.wyckoff.series import Tape

RULES = SentimentRules()
SMALL = SentimentRules(history=10, least_history=4, least_names=3)
COMPONENTS = (*OPTION_COMPONENTS, *PRICE_COMPONENTS)
NAN = np.nan


def panel(names: int, sessions: int, **known: Floats) -> dict[str, Floats]:
    return {name: known.get(name, np.full((names, sessions), NAN)) for name in COMPONENTS}


def of_one(last: Mapping[str, float], past: int = 60, rules: SentimentRules = RULES) -> Sentiments:
    """One name whose past values of every component are 1, 2, 3, ... and whose last ones are given."""
    values = {name: np.array([[*np.arange(1.0, past + 1), last.get(name, NAN)]]) for name in COMPONENTS}
    return sentiments(values, np.array([True]), 1, rules)


def test_the_defaults_are_those_of_the_definition() -> None:
    assert (RULES.history, RULES.least_history, RULES.option_components) == (252, 60, 2)


def test_the_mean_of_the_known_option_ranks() -> None:
    # Above 57 of 60, above 54, above 30.
    got = of_one({"put_call": 57.5, "call_volume": 54.5, "call_skew": 30.5, "extension": 99.0, "volume": 99.0})
    assert got.percentile[0, 0] == pytest.approx((57 + 54 + 30) / 180)
    assert not got.is_price_only[0, 0]
    # Two are enough.
    two = of_one({"put_call": 57.5, "call_skew": 54.5, "extension": 1.0, "volume": 1.0})
    assert two.percentile[0, 0] == pytest.approx(0.925)
    assert not two.is_price_only[0, 0]


def test_prices_stand_in_where_one_option_rank_is_known() -> None:
    got = of_one({"call_volume": 1.0, "extension": 54.5, "volume": 48.5})
    assert got.percentile[0, 0] == pytest.approx(0.85)
    assert got.is_price_only[0, 0]


@pytest.mark.parametrize("known", [{}, {"extension": 5.0}, {"volume": 5.0}, {"put_call": 5.0, "volume": 5.0}])
def test_less_is_unknown_with_a_reason(known: dict[str, float]) -> None:
    got = of_one(known)
    assert np.isnan(got.percentile[0, 0])
    said = got.describe(0, 0)
    assert (said["proxy"], said["percentile"], said["reason"]) == (None, None, "NO_SENTIMENT")
    for name in COMPONENTS:
        told = {"percentile": pytest.approx(4.5 / 60, abs=1e-4), "against": "history"}
        assert said["components"][name] == (told if name in known else {"percentile": None, "reason": "NOT_MEASURED"})


def test_a_reader_sees_what_was_used() -> None:
    got = of_one({"put_call": 57.5, "call_volume": 54.5, "extension": 30.5})
    assert json.loads(json.dumps(got.describe(0, 0), allow_nan=False)) == {
        "proxy": "options",
        "percentile": 0.925,
        "reason": None,
        "components": {
            "put_call": {"percentile": 0.95, "against": "history"},
            "call_volume": {"percentile": 0.9, "against": "history"},
            "call_skew": {"percentile": None, "reason": "NOT_MEASURED"},
            "extension": {"percentile": 0.5, "against": "history"},
            "volume": {"percentile": None, "reason": "NOT_MEASURED"},
        },
    }
    assert of_one({"extension": 9.0, "volume": 9.0}).describe(0, 0)["proxy"] == "price_only"


def test_a_short_past_is_ranked_among_the_watched_names_and_says_so() -> None:
    today = np.array([5.0, 1.0, 3.0, 3.0, 2.0])
    values = np.column_stack([np.full((5, 3), 7.0), today])
    watched = np.array([True, True, True, True, False])
    got = sentiments(panel(5, 4, extension=values, volume=values, put_call=values, call_skew=values), watched, 1, SMALL)

    # The first is above the three others; the third ties with the fourth above one of three.
    assert got.ranks["extension"][:, 0].tolist() == pytest.approx([1, 0, 0.5, 0.5, 0.25])
    # Chains are of names that were watched then.
    assert got.ranks["put_call"][:, 0].tolist() == pytest.approx([1, 0, 2.5 / 4, 2.5 / 4, 0.25])
    assert got.is_among_names["extension"].all()
    assert got.describe(0, 0)["components"]["extension"] == {"percentile": 1.0, "against": "names"}
    # One session more of a past, and it is ranked in that: below all four.
    longer = np.column_stack([np.full((5, 4), 7.0), today])
    own = sentiments(panel(5, 5, extension=longer, volume=longer), watched, 1, SMALL)
    assert own.ranks["extension"].ravel().tolist() == [0.0] * 5
    assert not own.is_among_names["extension"].any()


def test_too_few_names_rank_nothing() -> None:
    values = np.array([[1.0], [2.0], [NAN], [4.0]])
    watched = np.array([True, True, True, False])
    got = sentiments(panel(4, 1, extension=values, put_call=values), watched, 1, SMALL)
    assert np.isnan(got.ranks["extension"]).all()
    assert got.ranks["put_call"][:, 0].tolist() == pytest.approx([0, 0.5, NAN, 1], nan_ok=True)
    components = [got.describe(name, 0)["components"]["extension"] for name in (0, 2)]
    assert [told["reason"] for told in components] == ["NOT_RANKED", "NOT_MEASURED"]


def test_a_past_needs_sixty_known_sessions_of_the_last_252() -> None:
    for known, expected in ((59, NAN), (60, 1.0)):
        past = np.full(400, NAN)
        past[-known:] = np.arange(known)
        got = sentiments(panel(1, 401, volume=np.array([[*past, 1e9]])), np.array([True]), 1, RULES)
        assert got.ranks["volume"][0, 0] == pytest.approx(expected, nan_ok=True)
    # What is older than 252 sessions is forgotten: 252 low values after higher ones.
    values = np.array([[*np.full(300, 9.0), *np.arange(252) / 252, 5.0]])
    assert sentiments(panel(1, 553, volume=values), np.array([True]), 1, RULES).ranks["volume"][0, 0] == 1
    assert sentiments(panel(1, 552, volume=values[:, 1:]), np.array([True]), 2, RULES).ranks["volume"][0, 0] < 1


def test_what_never_changes_is_in_the_middle() -> None:
    got = sentiments(dict.fromkeys(COMPONENTS, np.full((1, 61), 3.0)), np.array([True]), 1, RULES)
    assert got.percentile[0, 0] == 0.5


@given(hnp.arrays(float, (3, 90), elements=st.sampled_from([0.0, 1.0, 2.5, 4.0, NAN])))
def test_a_rank_is_that_of_scipy_and_turns_round_with_its_sign(values: Floats) -> None:
    rules = replace(RULES, least_names=100)
    whole, negative = (sentiments(dict.fromkeys(COMPONENTS, v), np.ones(3, bool), 5, rules) for v in (values, -values))
    for name in range(3):
        for place in range(5):
            now, past = values[name, 85 + place], values[name, : 85 + place]
            past = past[~np.isnan(past)]
            unknown = len(past) < 60 or np.isnan(now)
            expected = NAN if unknown else stats.percentileofscore(past, now, kind="mean") / 100
            got = whole.ranks["put_call"][name, place]
            assert got == pytest.approx(expected, nan_ok=True)
            assert negative.ranks["put_call"][name, place] == pytest.approx(1 - got, nan_ok=True)


def test_no_session_knows_a_later_one_and_a_range_is_its_sessions() -> None:
    rng = np.random.default_rng(11)
    values = {name: np.where(rng.random((12, 340)) < 0.1, NAN, rng.normal(size=(12, 340))) for name in COMPONENTS}
    values["call_volume"][3, :300] = NAN
    watched = np.arange(12) != 5
    whole = sentiments(values, watched, 60, RULES)
    for at in rng.integers(281, 341, 25):
        # Alone, with no more of the past than it is ranked in.
        part = {name: array[:, at - 1 - RULES.history : at] for name, array in values.items()}
        alone = sentiments(part, watched, 1, RULES)
        place = int(at) - 281
        assert np.array_equal(alone.percentile[:, 0], whole.percentile[:, place], equal_nan=True)
        assert [alone.describe(k, 0) for k in range(12)] == [whole.describe(k, place) for k in range(12)]


def test_what_chains_say() -> None:
    calls = np.array([[*np.full(20, 100.0), 250.0, 90.0]])
    got = option_components(np.full((1, 22), 0.8), calls, np.full((1, 22), 6.5))
    assert got["put_call"][0, 0] == -0.8
    assert got["call_skew"][0, 0] == -6.5
    assert np.isnan(got["call_volume"][0, :20]).all()
    assert got["call_volume"][0, 20:].tolist() == pytest.approx([2.5, 90 / (2150 / 20)])


def test_what_bars_say() -> None:
    tape = Tape()
    tape.walk(110.0, 20)
    last = tape.add(115.0, volume=3000)
    bars = tape.bars
    got = price_components(bars, 3)
    ranges = np.maximum(bars.high[1:], bars.close[:-1]) - np.minimum(bars.low[1:], bars.close[:-1])
    shares = ranges / bars.close[:-1]
    atr = shares[last - 21 : last - 1].mean() * bars.close[last - 1]
    assert got["extension"][last] == pytest.approx((115 - bars.close[last - 49 : last + 1].mean()) / atr)
    assert got["volume"][last] == pytest.approx(3000 / bars.volume[last - 20 : last].mean())
    assert np.isnan(got["extension"][:49]).all()
    flat = price_components(type(bars)(*(np.full(80, 7.0) for _ in range(5))), 3)
    assert np.isnan(flat["extension"]).all()
