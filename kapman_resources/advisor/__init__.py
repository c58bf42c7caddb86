"""Models that are asked for trade ideas: what one is, and a client for each provider.

A client sends a question and brings back what came, with its tokens, cost and time. What is asked, whether the answer
is believed, and what happens without one is decided in `kapman_assets.decisions`.
"""

from pydantic import SecretStr

from kapman_resources.advisor.claude import Claude
from kapman_resources.advisor.openai import OpenAI
from kapman_resources.errors import ConfigurationError
from kapman_resources.settings import Settings


def open_provider(settings: Settings) -> Claude | OpenAI | None:
    """The model that AI_PROVIDER names; None for the rules, which need none. Nothing is asked yet.

    Raises:
        ConfigurationError: its key is missing, or a setting of it cannot be.
    """
    if settings.ai_provider == "rules":
        return None
    if settings.ai_provider == "claude":
        key = _key(settings, settings.anthropic_api_key, "ANTHROPIC_API_KEY")
        return Claude(key, base_url=settings.anthropic_base_url, model=settings.ai_model)
    return OpenAI(_key(settings, settings.openai_api_key, "OPENAI_API_KEY"), model=settings.ai_model)


def _key(settings: Settings, key: SecretStr | None, variable: str) -> SecretStr:
    if key is None:
        raise ConfigurationError(
            f"AI_PROVIDER is {settings.ai_provider}, and {variable} is not set: set it, or AI_PROVIDER to rules."
        )
    return key
