"""Asking a model for an idea of each candidate, and what happens when it gives none. Free of Dagster and of SQL.

Each candidate is asked about once; an answer that breaks a rule goes back once with what was wrong; then the rules
answer instead, and say why. What a session may cost is reserved before a call and never passed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kapman_assets.decisions import prompt
from kapman_assets.decisions.facts import Facts
from kapman_assets.decisions.rules_advisor import RuleParameters, propose
from kapman_assets.decisions.validation import Checked, Problem, check, parse, shown
from kapman_resources.advisor.protocol import Answer, Correction, Provider, Question

CONCURRENCY = 10
"""Questions under way at once."""

MAX_ATTEMPTS = 2
"""The first answer and a corrected one."""


@dataclass(frozen=True)
class Attempt:
    """An answer of a model, or of the rules, with what was found in it.

    Attributes:
        provider, model: whose.
        request_hash: of the question; None for the rules.
        answer: what came; None for the rules.
        text: the idea as stated: raw, or the rules' as JSON.
        problems: why it was not believed; empty if it was, or where there is no idea at all.
    """

    provider: str
    model: str
    request_hash: str | None
    answer: Answer | None
    text: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Advice:
    """What stands of a candidate.

    Attributes:
        facts: what it was made from.
        checked: the idea that passed every check.
        provider, model: who made it.
        request_hash: of the answer that stood; None for the rules.
        fallback_reason: why another provider than the asked one answered; None if it did not.
        no_trade_reason: code of why there is no trade; None for a trade, and for a model that advised none.
        attempts: every answer, in order, the one that stood last.
    """

    facts: Facts
    checked: Checked
    provider: str
    model: str
    request_hash: str | None
    fallback_reason: str | None
    no_trade_reason: str | None
    attempts: tuple[Attempt, ...]


class AnswerBook(Protocol):
    """Where answers are kept. Both are called from threads."""

    def find(self, request_hash: str) -> Answer | None:
        """The answer that is stored of a question, if it was answered."""
        ...

    def keep(self, request_hash: str, facts: Facts, provider: Provider, question: Question, answer: Answer) -> Answer:
        """Store what came of a question, whatever becomes of the run; as `find` gives it, earlier costs included."""
        ...


class Budget:
    """What a session may still cost. Used in one event loop."""

    def __init__(self, limit: float, spent: float) -> None:
        """Take the limit and what was spent before, USD."""
        self._limit, self.spent = limit, spent
        self._reserved = 0.0
        self._changed = asyncio.Condition()

    async def reserve(self, cost: float) -> bool:
        """Set a sum aside, waiting for calls under way if they may leave enough; False if it cannot be had."""
        async with self._changed:
            while self.spent + self._reserved + cost > self._limit:
                if self._reserved == 0:
                    return False
                await self._changed.wait()
            self._reserved += cost
            return True

    async def settle(self, reserved: float, spent: float) -> None:
        """Say what a call cost for which a sum was set aside."""
        async with self._changed:
            self._reserved = max(0.0, self._reserved - reserved)
            self.spent += spent
            self._changed.notify_all()


class _UnansweredError(Exception):
    """There is no answer to go by; the text says why."""


@dataclass(frozen=True)
class Model:
    """A model to ask, with where its answers are kept and what they may cost."""

    provider: Provider
    book: AnswerBook
    budget: Budget


async def advise(
    candidates: Sequence[Facts],
    model: Model | None = None,
    parameters: RuleParameters | None = None,
    *,
    reason: str | None = None,
) -> list[Advice]:
    """Advice on each candidate, in their order.

    Args:
        candidates: the facts of each.
        model: to ask; None for the rules.
        parameters: of the rules.
        reason: why no model is asked although one is configured.
    """
    rules = parameters or RuleParameters()
    if model is None:
        return [by_rules(facts, rules, reason=reason) for facts in candidates]
    places = asyncio.Semaphore(CONCURRENCY)

    async def one(facts: Facts) -> Advice:
        async with places:
            return await _by_model(facts, model, rules)

    return list(await asyncio.gather(*(one(facts) for facts in candidates)))


def by_rules(
    facts: Facts, parameters: RuleParameters, *, reason: str | None = None, attempts: Sequence[Attempt] = ()
) -> Advice:
    """The rules' advice.

    Args:
        facts: of the name.
        parameters: of the rules.
        reason: why they answer in another's place.
        attempts: the other's answers.
    """
    proposal = propose(facts, parameters)
    own = [
        Attempt("rules", parameters.version, None, None, checked.idea.model_dump_json(), checked.problems)
        for checked in (*proposal.refused, proposal.checked)
    ]
    return Advice(
        facts=facts,
        checked=proposal.checked,
        provider="rules",
        model=parameters.version,
        request_hash=None,
        fallback_reason=reason,
        no_trade_reason=proposal.no_trade_reason,
        attempts=(*attempts, *own),
    )


async def _by_model(facts: Facts, model: Model, rules: RuleParameters) -> Advice:
    attempts: list[Attempt] = []
    correction: Correction | None = None
    try:
        while len(attempts) < MAX_ATTEMPTS:
            attempt, found = await _attempt(facts, model, correction)
            attempts.append(attempt)
            if found is not None and not found.problems:
                return Advice(
                    facts=facts,
                    checked=found,
                    provider=attempt.provider,
                    model=attempt.model,
                    request_hash=attempt.request_hash,
                    fallback_reason=None,
                    no_trade_reason=None,
                    attempts=tuple(attempts),
                )
            if not attempt.problems:
                answer = attempt.answer
                raise _UnansweredError(f"{answer.status.upper()}: {answer.error}" if answer else "FAILED")
            correction = Correction(attempt.text, tuple(problem.sentence for problem in attempt.problems))
        codes = sorted({problem.code.value for problem in attempts[-1].problems})
        raise _UnansweredError(f"REJECTED: {', '.join(codes)}")
    except _UnansweredError as reason:
        return by_rules(facts, rules, reason=str(reason), attempts=attempts)


async def _attempt(facts: Facts, model: Model, correction: Correction | None) -> tuple[Attempt, Checked | None]:
    """One answer, with what was found in it; no idea where there is none to read.

    Raises:
        _UnansweredError: the budget does not allow to ask.
    """
    asked = prompt.question(facts, correction)
    provider = model.provider
    key = prompt.request_hash(asked, provider=provider.name, model=provider.model)
    answer = await asyncio.to_thread(model.book.find, key) or await _paid(facts, asked, key, model)
    attempt = Attempt(provider.name, provider.model, key, answer, answer.text or "", ())
    if answer.status != "answered":
        return attempt, None
    idea = parse(attempt.text)
    if isinstance(idea, Problem):
        return replace(attempt, problems=(idea,)), None
    checked = check(idea, facts)
    return replace(attempt, problems=checked.problems), checked


async def _paid(facts: Facts, asked: Question, key: str, model: Model) -> Answer:
    most = model.provider.highest_cost(asked)
    if not await model.budget.reserve(most):
        raise _UnansweredError("BUDGET: AI_DAILY_BUDGET_USD does not allow to ask")
    # Whatever becomes of the call, it may have cost as much.
    cost = most
    try:
        answer = await model.provider.ask(asked)
        cost = answer.cost_usd
        return await asyncio.to_thread(model.book.keep, key, facts, model.provider, asked, answer)
    finally:
        await model.budget.settle(most, cost)


def described(attempt: Attempt) -> dict[str, object]:
    """An attempt as JSON: who, what came, what was wrong, what it cost."""
    told: dict[str, object] = {
        "provider": attempt.provider,
        "model": attempt.model,
        "problems": [{"code": one.code.value, "sentence": one.sentence} for one in attempt.problems],
    }
    if attempt.answer is not None:
        told |= {"status": attempt.answer.status, "request_hash": attempt.request_hash}
        if attempt.answer.error:
            told["error"] = shown(attempt.answer.error, 400)
    return told
