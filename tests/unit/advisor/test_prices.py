"""List prices against worked examples of the providers' pages, and the bound that a budget rests on."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_resources.advisor.prices import CLAUDE, OPENAI, PriceList, Tokens, cost, highest_cost

MILLION = 1_000_000

LISTS = st.sampled_from([CLAUDE, OPENAI])
COUNTS = st.integers(min_value=0, max_value=500_000)


@pytest.mark.parametrize(
    ("prices", "model", "tokens", "usd"),
    [
        (CLAUDE, "claude-sonnet-5-5", Tokens(input=MILLION), 2.0),
        (CLAUDE, "claude-sonnet-5-5", Tokens(cache_write=MILLION), 2.5),
        (CLAUDE, "claude-sonnet-5-5", Tokens(cache_read=MILLION), 0.1),
        (CLAUDE, "claude-sonnet-5-5", Tokens(output=MILLION), 10.0),
        (CLAUDE, "claude-opus-5-5", Tokens(1_000, 2_000, 3_000, 4_000), 0.0946),
        # The page of Haiku 5.5: $0.10 and $0.50 up to 100,000 tokens, five times that for a longer prompt.
        (CLAUDE, "claude-haiku-5-5", Tokens(input=40_000, cache_write=60_000, output=MILLION), 0.5115),
        (CLAUDE, "claude-haiku-5-5", Tokens(input=40_001, cache_write=60_000, output=MILLION), 2.5575005),
        (OPENAI, "gpt-6.1-sol", Tokens(input=272_000, output=1_000), 0.554),
        (OPENAI, "gpt-6.1-sol", Tokens(input=300_000, output=1_000), 1.215),
    ],
)
def test_worked_examples(prices: PriceList, model: str, tokens: Tokens, usd: float) -> None:
    assert cost(prices, model, tokens) == pytest.approx(usd, rel=1e-12)


@pytest.mark.parametrize(("prices", "model"), [(CLAUDE, "claude-haiku-4-5-20251001"), (OPENAI, "gpt-6-sol-2026-09-22")])
def test_a_snapshot_costs_as_its_model(prices: PriceList, model: str) -> None:
    tokens = Tokens(1, 2, 3, 4)
    assert cost(prices, model, tokens) == cost(prices, model[: model.index("-20")], tokens)


@given(prices=LISTS, tokens=st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS))
def test_an_unlisted_model_costs_as_much_as_any(prices: PriceList, tokens: Tokens) -> None:
    unlisted = cost(prices, "of-next-year", tokens)
    assert all(cost(prices, model, tokens) <= unlisted for model in prices)


@given(
    prices=LISTS, data=st.data(), tokens=st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS), unread=COUNTS, unsaid=COUNTS
)
def test_nothing_costs_more_than_the_highest_cost(
    prices: PriceList, data: st.DataObject, tokens: Tokens, unread: int, unsaid: int
) -> None:
    model = data.draw(st.sampled_from([*prices, "of-next-year"]))
    bound = highest_cost(prices, model, prompt=tokens.prompt + unread, output=tokens.output + unsaid)
    assert cost(prices, model, tokens) <= bound * (1 + 1e-12)


@pytest.mark.parametrize("prices", [CLAUDE, OPENAI])
def test_every_prompt_has_a_price_and_a_longer_one_costs_no_less(prices: PriceList) -> None:
    for by_length in prices.values():
        bounds = [price.longest_prompt for price in by_length]
        assert bounds == sorted(bounds)
        assert bounds[-1] == float("inf")
        for shorter, longer in pairwise(by_length):
            assert shorter.input <= longer.input
            assert shorter.output <= longer.output
