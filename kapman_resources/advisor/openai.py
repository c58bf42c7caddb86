"""Models of OpenAI over the Responses API, through its SDK, which is an optional extra of the project."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, NonNegativeInt, SecretStr, ValidationError

from kapman_resources.advisor.exchange import MAX_OUTPUT_TOKENS, MAX_RETRIES, TIMEOUT, Client, schema_of, turns
from kapman_resources.advisor.prices import OPENAI, Tokens
from kapman_resources.advisor.protocol import Answer, AnswerStatus, Question
from kapman_resources.errors import ConfigurationError

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.responses import EasyInputMessageParam

MODEL = "gpt-6.1-sol"
"""The middle of the range as of November 2026, priced as Claude's Sonnet."""


class _Part(BaseModel):
    type: str
    text: str = ""
    refusal: str = ""


class _Item(BaseModel):
    type: str
    content: list[_Part] | None = None


class _PromptDetails(BaseModel):
    cached_tokens: NonNegativeInt = 0
    cache_write_tokens: NonNegativeInt = 0


class _Usage(BaseModel):
    input_tokens: NonNegativeInt
    input_tokens_details: _PromptDetails = _PromptDetails()
    output_tokens: NonNegativeInt


class _Incomplete(BaseModel):
    reason: str | None = None


class _Error(BaseModel):
    code: str
    message: str = ""


class _Response(BaseModel):
    """What is used of an answer. The SDK's own model takes any JSON for a response."""

    object: Literal["response"]
    status: str
    output: list[_Item]
    incomplete_details: _Incomplete | None = None
    error: _Error | None = None
    usage: _Usage

    @property
    def parts(self) -> list[_Part]:
        """What was said; reasoning is another kind of item."""
        return [part for item in self.output if item.type == "message" for part in item.content or ()]


class OpenAI(Client):
    """A model of OpenAI. Its API keeps the fixed part, which stands first, without being told to."""

    name = "openai"
    key_variable = "OPENAI_API_KEY"
    address_variable = "OPENAI_BASE_URL"

    def __init__(
        self,
        api_key: SecretStr,
        *,
        base_url: str | None = None,
        model: str | None = None,
        max_output_tokens: int = MAX_OUTPUT_TOKENS,
        timeout: float = TIMEOUT,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        """Take the settings; nothing is asked. The SDK is imported here, because it may be missing and takes seconds.

        Args:
            api_key: of the provider.
            base_url: where the API is, `/v1` included; what the SDK reads from OPENAI_BASE_URL if None.
            model: the model's id; MODEL if None.
            max_output_tokens: most tokens of an answer, thinking included.
            timeout: seconds that a question may take, retries included.
            max_retries: attempts after the first.

        Raises:
            ConfigurationError: the SDK is not installed, or the key or the address cannot be one.
        """
        try:
            import openai
        except ImportError as error:
            raise ConfigurationError(
                "AI_PROVIDER is openai, and its library is not installed: run `pip install 'kapman[openai]'`, "
                "or set AI_PROVIDER to rules or claude."
            ) from error
        super().__init__(
            openai,
            OPENAI,
            api_key=api_key,
            base_url=base_url,
            model=model or MODEL,
            max_output_tokens=max_output_tokens,
            timeout=timeout,
            max_retries=max_retries,
        )

    async def _exchange(self, question: Question) -> Answer:
        client: AsyncOpenAI = self._client()
        conversation: list[EasyInputMessageParam] = [
            {"type": "message", "role": turn.role, "content": turn.text} for turn in turns(question)
        ]
        # `responses.parse` would raise on an answer outside the schema, and its text and tokens be lost.
        response = await client.responses.with_raw_response.create(
            model=self.model,
            max_output_tokens=self._max_output_tokens,
            instructions=question.instructions,
            input=[*conversation],
            text={
                "format": {
                    "type": "json_schema",
                    "name": question.answer_model.__name__,
                    "strict": True,
                    "schema": schema_of(question.answer_model),
                }
            },
            store=False,
        )
        try:
            said = _Response.model_validate_json(response.http_response.content)
        except ValidationError:
            return self._unanswered(
                question, f"What came is no response of the Responses API: check {self.address_variable}."
            )
        return self._read(said)

    def _read(self, said: _Response) -> Answer:
        refusal = " ".join(part.refusal for part in said.parts if part.type == "refusal")
        reason = said.incomplete_details.reason if said.incomplete_details is not None else None
        status: AnswerStatus = "failed"
        why: str | None = f"openai ended with status {said.status} ({reason or (said.error and said.error.code)})."
        if refusal or reason == "content_filter":
            status, why = "refused", f"openai refused to answer ({refusal or reason})."
        elif reason == "max_output_tokens":
            status, why = "truncated", self._too_long()
        elif said.status == "completed":
            status, why = "answered", None
        cached, kept = said.usage.input_tokens_details.cached_tokens, said.usage.input_tokens_details.cache_write_tokens
        tokens = Tokens(
            # Here the tokens read include the cached ones.
            input=max(said.usage.input_tokens - cached - kept, 0),
            cache_write=kept,
            cache_read=cached,
            output=said.usage.output_tokens,
        )
        text = "".join(part.text for part in said.parts if part.type == "output_text")
        return self._answer(status, text, tokens, why)

    def _connect(self, http_client: Any) -> "AsyncOpenAI":
        return self._sdk.AsyncOpenAI(  # type: ignore[no-any-return]
            api_key=self._key.get_secret_value(),
            base_url=self._base_url,
            max_retries=self._max_retries,
            http_client=http_client,
        )
