"""What the providers ask for tokens: their list prices, and what an answer costs or can cost at most.

A price here is the standard tier's; regional surcharges, batches and private agreements are not known to it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_MILLION = 1_000_000
_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")
"""The date of a snapshot at the end of a model id; it does not change the price."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of an exchange, each counted once.

    Attributes:
        input: read at full price.
        cache_write: read at full price and kept by the provider.
        cache_read: read from what it kept.
        output: written, thinking included.
    """

    input: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """All that was read."""
        return self.input + self.cache_write + self.cache_read


@dataclass(frozen=True)
class Price:
    """USD a million tokens, of a prompt up to a length.

    Attributes:
        input: a token read.
        cache_write: a token kept for the shortest time on offer.
        cache_read: a kept token.
        output: a token written.
        longest_prompt: tokens; a longer prompt costs as the next price says, all of it.
    """

    input: float
    cache_write: float
    cache_read: float
    output: float
    longest_prompt: float = math.inf

    def of(self, tokens: Tokens) -> float:
        """USD."""
        return (
            tokens.input * self.input
            + tokens.cache_write * self.cache_write
            + tokens.cache_read * self.cache_read
            + tokens.output * self.output
        ) / _MILLION


PriceList = Mapping[str, tuple[Price, ...]]
"""Model id without a snapshot's date -> prices by length of prompt, ascending; the last has no bound."""


def _one(price: float, cache_write: float, cache_read: float, output: float) -> tuple[Price, ...]:
    return (Price(price, cache_write, cache_read, output),)


def _longer_costs_more(price: Price, input_times: float, output_times: float) -> tuple[Price, ...]:
    more = Price(
        price.input * input_times,
        price.cache_write * input_times,
        price.cache_read * input_times,
        price.output * output_times,
    )
    return price, more


# platform.claude.com/docs/en/about-claude/pricing and the models' own pages, as of November 2026; cache writes for
# five minutes. The cache read of Sonnet 5.5 is that of 2026-10-07, Fable 5.2 is that of its release on 2026-11-09.
CLAUDE: PriceList = {
    "claude-fable-5-2": _one(8, 10, 0.20, 40),
    "claude-fable-5-1": _one(10, 12.50, 0.25, 50),
    "claude-mythos-5-1": _one(10, 12.50, 0.25, 50),
    "claude-fable-5": _one(10, 12.50, 1, 50),
    "claude-mythos-5": _one(10, 12.50, 1, 50),
    "claude-opus-5-5": _one(4, 5, 0.20, 20),
    "claude-opus-5": _one(5, 6.25, 0.50, 25),
    "claude-opus-4-8": _one(5, 6.25, 0.50, 25),
    "claude-opus-4-7": _one(5, 6.25, 0.50, 25),
    "claude-opus-4-6": _one(5, 6.25, 0.50, 25),
    "claude-opus-4-5": _one(5, 6.25, 0.50, 25),
    "claude-opus-4-1": _one(15, 18.75, 1.50, 75),
    "claude-sonnet-5-5": _one(2, 2.50, 0.10, 10),
    "claude-sonnet-5": _one(2, 2.50, 0.20, 10),
    "claude-sonnet-4-6": _one(3, 3.75, 0.30, 15),
    "claude-sonnet-4-5": _one(3, 3.75, 0.30, 15),
    "claude-haiku-5-5": _longer_costs_more(Price(0.10, 0.125, 0.01, 0.50, longest_prompt=100_000), 5, 5),
    "claude-haiku-4-5": _one(1, 1.25, 0.10, 5),
}

# developers.openai.com/api/docs/pricing as of November 2026, standard tier, caches kept for 30 minutes; a prompt
# over 272,000 tokens costs twice, and its answer half as much again. GPT-5.5 Pro has no price for a cache.
OPENAI: PriceList = {
    "gpt-6-astra": _longer_costs_more(Price(10, 12.50, 1, 50, longest_prompt=272_000), 2, 1.5),
    "gpt-6.1-sol": _longer_costs_more(Price(2, 2.50, 0.10, 10, longest_prompt=272_000), 2, 1.5),
    "gpt-6.1-terra": _longer_costs_more(Price(1, 1.25, 0.05, 5, longest_prompt=272_000), 2, 1.5),
    "gpt-6-sol": _longer_costs_more(Price(2, 2.50, 0.20, 10, longest_prompt=272_000), 2, 1.5),
    "gpt-6-luna": _longer_costs_more(Price(0.10, 0.125, 0.01, 0.50, longest_prompt=272_000), 2, 1.5),
    "gpt-5.5-pro": _longer_costs_more(Price(30, 30, 30, 180, longest_prompt=272_000), 2, 1.5),
}


def cost(prices: PriceList, model: str, tokens: Tokens) -> float:
    """USD of an exchange. A model without a list price costs as the dearest: a budget errs to the safe side."""
    return _price(prices, model, tokens.prompt).of(tokens)


def highest_cost(prices: PriceList, model: str, *, prompt: int, output: int) -> float:
    """USD that an exchange of at most so many tokens can cost, however its prompt is cached."""
    price = _price(prices, model, prompt)
    return (prompt * max(price.input, price.cache_write, price.cache_read) + output * price.output) / _MILLION


def _price(prices: PriceList, model: str, prompt: int) -> Price:
    dearest = max(prices.values(), key=lambda each: each[0].output)
    by_length = prices.get(_DATED.sub("", model), dearest)
    return next(price for price in by_length if prompt <= price.longest_prompt)
