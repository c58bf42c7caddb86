"""The recommendations of sessions, from stored facts to stored rows. Free of Dagster; the parts are beside it."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from kapman_assets.decisions import recommendation_store as store
from kapman_assets.decisions.advising import Advice, Budget, Model, advise
from kapman_assets.decisions.rules_advisor import RuleParameters
from kapman_resources.advisor.protocol import Provider

AT_A_TIME = 20
"""Sessions whose facts are read together."""


@dataclass(frozen=True)
class Recommended:
    """What a session came to.

    Attributes:
        session: which.
        advice: of each candidate, by symbol.
        spent: on the session's answers so far, USD.
    """

    session: date
    advice: tuple[Advice, ...]
    spent: float

    def counts(self, name: str) -> dict[str, int]:
        """Recommendations by action, direction or strategy of their idea."""
        values = (getattr(one.checked.idea, name) for one in self.advice)
        return dict(sorted(Counter(value for value in values if value is not None).items()))

    @property
    def fallbacks(self) -> int:
        """How many the rules answered in a model's place."""
        return sum(one.fallback_reason is not None for one in self.advice)


_PAST_SESSION = "PAST_SESSION: a model may know what came after"


async def recommend(
    engine: sa.Engine,
    sessions: Sequence[date],
    provider: Provider | None,
    *,
    asked_provider: str,
    limit: float,
    asked_from: date = date.min,
) -> AsyncIterator[Recommended]:
    """Replace the recommendations of some sessions, each in a transaction of its own.

    Args:
        engine: the warehouse.
        sessions: ascending, without a gap.
        provider: the model to ask; None for the rules.
        asked_provider: AI_PROVIDER.
        limit: AI_DAILY_BUDGET_USD, of each session.
        asked_from: the first session that a model is asked about; earlier ones are advised on by the rules.
    """
    parameters = RuleParameters()
    with engine.begin() as connection:
        store.keep_parameters(connection, parameters)
    for start in range(0, len(sessions), AT_A_TIME):
        with engine.connect() as connection:
            found = store.read_candidates(connection, sessions[start : start + AT_A_TIME])
        for session, candidates in found.items():
            asked = provider if session >= asked_from else None
            reason = _PAST_SESSION if provider is not None and asked is None else None
            yield await _of_session(engine, session, candidates, asked, asked_provider, limit, parameters, reason)


async def _of_session(  # noqa: PLR0917 one caller, in this order
    engine: sa.Engine,
    session: date,
    candidates: Sequence[store.Candidate],
    provider: Provider | None,
    asked_provider: str,
    limit: float,
    parameters: RuleParameters,
    reason: str | None,
) -> Recommended:
    facts = [candidate.facts for candidate in candidates]
    with store.advising(engine, session):
        with engine.connect() as connection:
            before = store.spent(connection, session)
        budget = Budget(limit, before)
        model = None if provider is None else Model(provider, store.StoredAnswers(engine), budget)
        advice = await advise(facts, model, parameters, reason=reason)
        store.write_recommendations(engine, session, list(zip(candidates, advice, strict=True)), asked_provider)
    return Recommended(session, tuple(advice), budget.spent)
