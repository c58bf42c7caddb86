"""What the clients have in common: how a question is worded, how long it may take, how its failure is told.

Nothing here knows an API. The SDKs of the providers are of one make: the same names for their errors, the same
retries (429, 5xx and lost connections, with growing pauses or as long as Retry-After says).
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from kapman_resources.advisor.prices import PriceList, Tokens, cost, highest_cost
from kapman_resources.advisor.protocol import Answer, AnswerStatus, Question
from kapman_resources.errors import ConfigurationError

MAX_OUTPUT_TOKENS = 16_000
"""Tokens of an answer, thinking included; an idea takes some hundred, the thinking before it some thousand."""

TIMEOUT = 120.0
"""Seconds that a question may take, retries and the pauses between them included."""

MAX_RETRIES = 3

_CONNECT_TIMEOUT = 5.0
_FRAME_TOKENS = 2_000
"""What a provider adds to a prompt for its own ends (roles, the words around a schema); some hundred are documented."""

_LONGEST_REMARK = 200


class Turn(NamedTuple):
    """A turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


def turns(question: Question) -> list[Turn]:
    """The conversation: the facts, and if it is asked again the earlier answer and what was wrong with it."""
    said = [Turn("user", enclosed("facts", question.data))]
    if question.correction is not None:
        problems = json.dumps(question.correction.problems, ensure_ascii=False)
        # The APIs refuse a turn without text; two turns of one role are one to them.
        if question.correction.answer.strip():
            said.append(Turn("assistant", question.correction.answer))
        said.append(Turn("user", f"That answer was refused. Answer again, without:\n{enclosed('problems', problems)}"))
    return said


def enclosed(tag: str, data: str) -> str:
    r"""JSON between `<tag>` and `</tag>`, which no text in it can close.

    `<` stands in JSON only within strings, where `\u003c` is the same character.
    """
    escaped = data.replace("<", "\\u003c")
    return f"<{tag}>\n{escaped}\n</{tag}>"


class _Stated(GenerateJsonSchema):
    """A schema in which nothing may be left out: a default is a reader's convenience, not an answer."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_is_required(self, *_: object, **__: object) -> bool:
        return True


def schema_of(answer_model: type[BaseModel]) -> dict[str, Any]:
    """What an answer must look like, as JSON schema with every property required.

    Args:
        answer_model: it and the models in it forbid extra properties, or a provider may refuse the schema.
    """
    return answer_model.model_json_schema(schema_generator=_Stated)


class Client(ABC):
    """A provider behind an SDK. Many questions may be under way at once; connections belong to the running event loop.

    Ask inside `async with`, or `close` before the event loop ends.

    Attributes:
        name: as in AI_PROVIDER.
        model: the model's id.
    """

    name: str
    key_variable: str
    address_variable: str

    def __init__(
        self,
        sdk: ModuleType,
        prices: PriceList,
        *,
        api_key: SecretStr,
        base_url: str | None,
        model: str,
        max_output_tokens: int,
        timeout: float,
        max_retries: int,
    ) -> None:
        """Take the settings; nothing is asked.

        Args:
            sdk: the provider's library.
            prices: the provider's list.
            api_key: of the provider.
            base_url: where the API is; the SDK's choice if None.
            model: the model's id.
            max_output_tokens: most tokens of an answer, thinking included.
            timeout: seconds that a question may take, retries included.
            max_retries: attempts after the first.

        Raises:
            ConfigurationError: the key or the address cannot be one.
        """
        key = api_key.get_secret_value()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ConfigurationError(
                f"{self.key_variable} holds a character that no key has, such as a blank or a line break: "
                "copy the key again, without quotes."
            )
        if base_url is not None and (
            urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).netloc
        ):
            raise ConfigurationError(f"{self.address_variable} is no address: write https:// and the host.")
        self.model = model
        self._base_url = base_url
        self._sdk = sdk
        self._prices = prices
        self._key = api_key
        self._max_output_tokens = max_output_tokens
        self._timeout = timeout
        self._max_retries = max_retries
        self._connected: tuple[asyncio.AbstractEventLoop, Any] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        if self._connected is not None:
            _, client = self._connected
            self._connected = None
            await client.close()

    async def ask(self, question: Question) -> Answer:
        """Send the question, with bounded retries; what goes wrong on the other side is said in the answer.

        An answer that may have been written but never arrived whole costs what it can cost at most.
        """
        started = time.monotonic()
        try:
            # One limit for everything: a model that is slow once is not asked, and paid, again.
            async with asyncio.timeout(self._timeout):
                answer = await self._exchange(question)
        except TimeoutError:
            answer = self._unanswered(
                question, f"{self.name} gave no answer within {self._timeout:g} s; a later run may succeed."
            )
        except self._sdk.APIStatusError as error:
            answer = Answer("failed", error=self._told(error))
        except self._sdk.APIConnectionError as error:
            sentence = (
                f"{self.name} could not be reached in {self._max_retries + 1} attempts: check the network and "
                f"{self.address_variable}."
            )
            # By name, because the HTTP library is the SDK's own choice: nothing was sent if no connection stood.
            if type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout"}:
                answer = Answer("failed", error=sentence)
            else:
                answer = self._unanswered(question, sentence, attempts=self._max_retries + 1)
        return replace(answer, latency_seconds=time.monotonic() - started)

    def highest_cost(self, question: Question) -> float:
        """The most that an answer can cost, USD: every byte a token, none of them cached before, all output written."""
        texts = [question.instructions, json.dumps(schema_of(question.answer_model))]
        texts += [turn.text for turn in turns(question)]
        prompt = sum(len(text.encode()) for text in texts) + _FRAME_TOKENS
        return highest_cost(self._prices, self.model, prompt=prompt, output=self._max_output_tokens)

    @abstractmethod
    async def _exchange(self, question: Question) -> Answer:
        """Ask once through the SDK, which retries.

        Raises:
            APIStatusError: of the SDK.
            APIConnectionError: of the SDK.
        """

    @abstractmethod
    def _connect(self, http_client: Any) -> Any:
        """The SDK's client on an HTTP client of its own make."""

    def _client(self) -> Any:
        """The SDK's client for the running event loop; connections of an earlier one are lost with it."""
        loop = asyncio.get_running_loop()
        if self._connected is None or self._connected[0] is not loop:
            hooks = {"response": [self._give_up_if_long]}
            # Reading has no limit of its own: the question's is enough, and the SDK would ask again after it.
            patience = self._sdk.Timeout(None, connect=_CONNECT_TIMEOUT)
            http_client = self._sdk.DefaultAsyncHttpxClient(timeout=patience, event_hooks=hooks)
            self._connected = loop, self._connect(http_client)
        return self._connected[1]

    async def _give_up_if_long(self, response: Any) -> None:
        """Tell the SDK not to wait for a Retry-After beyond the limit, which could only end in a timeout."""
        with suppress(ValueError):
            if float(response.headers.get("retry-after", "0")) >= self._timeout:
                response.headers["x-should-retry"] = "false"

    def _answer(self, status: AnswerStatus, text: str, tokens: Tokens, why: str | None) -> Answer:
        """An answer that arrived whole."""
        if status == "answered" and not text.strip():
            status, why = "failed", f"{self.name} ended its turn without a word."
        return Answer(
            status,
            text=text or None,
            error=None if status == "answered" else why,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            cost_usd=cost(self._prices, self.model, tokens),
        )

    def _unanswered(self, question: Question, sentence: str, attempts: int = 1) -> Answer:
        return Answer("failed", error=sentence, cost_usd=attempts * self.highest_cost(question))

    def _too_long(self) -> str:
        return f"The answer was cut off: it is longer than {self._max_output_tokens} tokens, thinking included."

    def _told(self, error: Any) -> str:
        """An HTTP status as a sentence with its mend, and the provider's own words without the key."""
        status: int = error.status_code
        mends = {
            400: f"check that AI_MODEL ({self.model}) answers in a given schema",
            401: f"{self.key_variable} is not a valid key",
            402: f"the account of {self.key_variable} has no credit",
            403: f"{self.key_variable} may not use AI_MODEL {self.model}",
            404: f"check AI_MODEL ({self.model}) and {self.address_variable}",
            429: f"over the rate or quota of {self.key_variable}: wait, or raise the limit",
        }
        otherwise = f"a later run may succeed, else check {self.address_variable}"
        words = " ".join(_words_of(error).replace(self._key.get_secret_value(), "***").split())
        return f"{self.name} answered {status}: {mends.get(status, otherwise)}. It said: {words[:_LONGEST_REMARK]}"


def _words_of(error: Any) -> str:
    """The provider's sentence in the body of an error, or all of a body that is none of its own."""
    body = error.body
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else None
    return said if isinstance(said, str) else str(error.message)
