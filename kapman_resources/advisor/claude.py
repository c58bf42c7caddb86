"""Claude over the Messages API, through its SDK: one question, one answer in a schema, no streaming."""

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, NonNegativeInt, SecretStr, ValidationError

from kapman_resources.advisor.exchange import MAX_OUTPUT_TOKENS, MAX_RETRIES, TIMEOUT, Client, schema_of, turns
from kapman_resources.advisor.prices import CLAUDE, Tokens
from kapman_resources.advisor.protocol import Answer, AnswerStatus, Question

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import MessageParam

MODEL = "claude-sonnet-5-5"
"""The newest Sonnet as of November 2026."""

ADDRESS = "https://api.anthropic.com"

_STATUSES: dict[str | None, AnswerStatus] = {
    "end_turn": "answered",
    "stop_sequence": "answered",
    "tool_use": "answered",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
}


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt
    cache_creation_input_tokens: NonNegativeInt | None = None
    cache_read_input_tokens: NonNegativeInt | None = None


class _Details(BaseModel):
    category: str | None = None


class _Message(BaseModel):
    """What is used of an answer. The SDK's own model takes any JSON for a message."""

    content: list[_Block]
    stop_reason: str | None
    stop_details: _Details | None = None
    usage: _Usage


class Claude(Client):
    """Claude, asked with the fixed part cached."""

    name = "claude"
    key_variable = "ANTHROPIC_API_KEY"
    address_variable = "ANTHROPIC_BASE_URL"

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
        """Take the settings; nothing is asked. The SDK is imported here, because that takes seconds.

        Args:
            api_key: of the provider.
            base_url: where the API is; the provider's own address if None.
            model: the model's id; MODEL if None.
            max_output_tokens: most tokens of an answer, thinking included.
            timeout: seconds that a question may take, retries included.
            max_retries: attempts after the first.

        Raises:
            ConfigurationError: the key or the address cannot be one.
        """
        import anthropic

        super().__init__(
            anthropic,
            CLAUDE,
            api_key=api_key,
            base_url=base_url or ADDRESS,
            model=model or MODEL,
            max_output_tokens=max_output_tokens,
            timeout=timeout,
            max_retries=max_retries,
        )

    async def _exchange(self, question: Question) -> Answer:
        from anthropic import transform_schema

        client: AsyncAnthropic = self._client()
        messages = [{"role": turn.role, "content": [{"type": "text", "text": turn.text}]} for turn in turns(question)]
        # `messages.parse` would raise on an answer outside the schema, and its text and tokens be lost.
        response = await client.messages.with_raw_response.create(
            model=self.model,
            max_tokens=self._max_output_tokens,
            system=[{"type": "text", "text": question.instructions, "cache_control": {"type": "ephemeral"}}],
            messages=cast("list[MessageParam]", messages),
            output_config={
                "format": {"type": "json_schema", "schema": transform_schema(schema_of(question.answer_model))}
            },
        )
        try:
            message = _Message.model_validate_json(response.http_response.content)
        except ValidationError:
            return self._unanswered(
                question, f"What came is no message of the Messages API: check {self.address_variable}."
            )
        return self._read(message)

    def _read(self, message: _Message) -> Answer:
        status = _STATUSES.get(message.stop_reason, "failed")
        category = message.stop_details.category if message.stop_details is not None else None
        why = {
            "answered": None,
            "truncated": self._too_long(),
            "refused": f"Claude refused to answer ({category or 'no reason given'}).",
            "failed": f"Claude stopped for a reason that is not known here: {message.stop_reason}.",
        }[status]
        tokens = Tokens(
            input=message.usage.input_tokens,
            cache_write=message.usage.cache_creation_input_tokens or 0,
            cache_read=message.usage.cache_read_input_tokens or 0,
            output=message.usage.output_tokens,
        )
        text = "".join(block.text for block in message.content if block.type == "text")
        return self._answer(status, text, tokens, why)

    def _connect(self, http_client: Any) -> "AsyncAnthropic":
        return self._sdk.AsyncAnthropic(  # type: ignore[no-any-return]
            api_key=self._key.get_secret_value(),
            base_url=self._base_url,
            max_retries=self._max_retries,
            http_client=http_client,
        )
