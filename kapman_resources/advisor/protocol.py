"""What a provider is to the rest: a question goes in, what came back comes out. No provider's details, no prompt."""

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel

AnswerStatus = Literal["answered", "refused", "truncated", "failed"]


@dataclass(frozen=True)
class Correction:
    """An earlier answer to the same question, and what was wrong with it."""

    answer: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """All that a model is told.

    Attributes:
        instructions: the fixed part, alike for every question of a prompt version.
        data: the facts as JSON; text from outside stands in it and nowhere else.
        answer_model: what the answer must parse as.
        correction: set when it is asked a second time.
    """

    instructions: str
    data: str
    answer_model: type[BaseModel]
    correction: Correction | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        status: whether there is an answer; `truncated` and `refused` may hold text as well.
        text: raw, as received.
        error: why there is no answer, without secrets.
        input_tokens: read at full price.
        output_tokens: written.
        cache_read_tokens: read from the provider's cache.
        cache_write_tokens: written to it.
        cost_usd: from the model's list price; the most it can be where an answer may have been written and never came.
        latency_seconds: retries included.
    """

    status: AnswerStatus
    text: str | None = None
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    latency_seconds: float = 0.0


class Provider(Protocol):
    """A model behind an interface. `ask` never raises for what the other side does: it says so in the answer."""

    name: str
    model: str

    async def ask(self, question: Question) -> Answer:
        """Send the question, with bounded retries."""
        ...

    def highest_cost(self, question: Question) -> float:
        """The most that an answer can cost, USD: every input token at its dearest, all output tokens allowed."""
        ...
