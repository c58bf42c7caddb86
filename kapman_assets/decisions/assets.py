"""The assets that advise: they read, call, write and report. Every rule is in the modules beside."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from kapman_assets.decisions.advising import Advice
from kapman_assets.decisions.prompt import PROMPT_VERSION
from kapman_assets.decisions.recommending import Recommended, recommend
from kapman_assets.decisions.rules_advisor import RuleParameters
from kapman_assets.market.assets import OWNERS
from kapman_assets.metadata import column_schema, markdown_table
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_resources import progress, schema
from kapman_resources.dagster_resources import AdvisorResource, Warehouse
from kapman_resources.sessions import latest_open_session, session_offset
from kapman_resources.settings import load_settings

GROUP = "decisions"

_SNAPSHOTS = dg.AssetSelection.assets("daily_snapshots")
_METRICS = dg.AssetSelection.assets("dealer_metrics")
_HANDLED = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()


def _any(condition: dg.AutomationCondition[Any], of: dg.AssetSelection) -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.any_deps_match(condition).allow(of)


_SNAPSHOT_CAME = _any(dg.AutomationCondition.newly_updated(), _SNAPSHOTS)
_METRICS_CAME = _any(dg.AutomationCondition.newly_updated(), _METRICS)

# A snapshot from before the metrics does not hold them: wait for the one that follows. Of two that came together
# nobody knows which was first; a run too many costs nothing, for the same facts are answered from what is stored.
_MADE_OF_CHAINS = _SNAPSHOT_CAME.since((_METRICS_CAME | _HANDLED) & ~_SNAPSHOT_CAME) & ~_any(
    dg.AutomationCondition.missing(), _METRICS
)

_WITHOUT_CHAINS = (
    dg.AutomationCondition.missing()
    # In the night after the session: chains that have not come by then are lost, and forecasts need none.
    & dg.AutomationCondition.cron_tick_passed("0 3 * * *", "America/New_York").since(_HANDLED)
    & ~_any(dg.AutomationCondition.missing(), _SNAPSHOTS)
)

WITH_SNAPSHOTS = (
    dg.AutomationCondition.in_latest_time_window()
    & (_MADE_OF_CHAINS | _WITHOUT_CHAINS)
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)
"""As soon as the snapshots hold the session's chains, again when they change, and without chains in the night after."""


@dg.multi_asset(
    name="advice",
    specs=[
        dg.AssetSpec(
            table.name,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"postgres", "python"},
            code_version=f"{RuleParameters().version} {PROMPT_VERSION}",
            deps=["daily_snapshots", "wyckoff_events", "wyckoff_phases", "options_chains", "dealer_metrics", "ohlcv"],
            metadata={**column_schema(table), "partition_expr": "date"},
            automation_condition=WITH_SNAPSHOTS,
        )
        for table in (schema.recommendations, schema.recommendation_legs)
    ],
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def advice(
    context: dg.AssetExecutionContext, warehouse: Warehouse, advisor: AdvisorResource
) -> Iterator[dg.MaterializeResult[None]]:
    """A checked trade idea for each watched name with a new signal, by AI_PROVIDER, and the contracts of each.

    A model that gives no idea that can be believed is answered for by the rules, marked as such. Asked again about the
    same facts it answers from what is stored, and costs nothing. It is asked about the newest sessions alone: of an
    older one it may know what came after, and a back-fill would be paid for session by session.
    """
    sessions = [date.fromisoformat(key) for key in context.partition_keys]
    with retry_if_transient(context), warehouse.engine("recommendations") as engine:
        done = asyncio.run(_recommend(context, engine, advisor, sessions))
    totals = {
        "sessions": len(done),
        "rows_total": sum(len(one.advice) for one in done),
        "fallbacks_total": sum(one.fallbacks for one in done),
    }
    yield dg.MaterializeResult(asset_key=schema.recommendations.name, metadata=totals)
    legs = sum(_legs(one) for one in done)
    yield dg.MaterializeResult(
        asset_key=schema.recommendation_legs.name, metadata={"sessions": len(done), "rows_total": legs}
    )


async def _recommend(
    context: dg.AssetExecutionContext, engine: sa.Engine, advisor: AdvisorResource, sessions: Sequence[date]
) -> list[Recommended]:
    settings = load_settings()
    done: list[Recommended] = []
    async with advisor.open() as provider:
        recommended = recommend(
            engine,
            sessions,
            provider,
            asked_provider=settings.ai_provider,
            limit=settings.ai_daily_budget_usd,
            asked_from=session_offset(latest_open_session(datetime.now(UTC)), -advisor.past_sessions),
        )
        async for one in recommended:
            done.append(one)
            key = one.session.isoformat()
            context.add_asset_metadata(_told(one), asset_key=schema.recommendations.name, partition_key=key)
            context.add_asset_metadata(
                {"dagster/row_count": _legs(one)}, asset_key=schema.recommendation_legs.name, partition_key=key
            )
            progress.report("recommendations", len(done), len(sessions))
    return done


def _legs(one: Recommended) -> int:
    return sum(len(advised.checked.positions) for advised in one.advice)


def _told(one: Recommended) -> dict[str, Any]:
    """The metadata of a session."""
    providers = Counter(advised.provider for advised in one.advice)
    reasons = Counter((advised.fallback_reason or "").partition(":")[0] for advised in one.advice)
    reasons.pop("", None)
    return {
        "dagster/row_count": len(one.advice),
        **{name: dg.MetadataValue.json(one.counts(name)) for name in ("action", "direction", "strategy")},
        "provider": dg.MetadataValue.json(dict(sorted(providers.items()))),
        "fallbacks": dg.MetadataValue.json(dict(sorted(reasons.items()))),
        "cost_usd": round(one.spent, 4),
        "ideas": markdown_table(pd.DataFrame([_idea(advised) for advised in one.advice])),
    }


def _idea(advised: Advice) -> dict[str, object]:
    idea, worth = advised.checked.idea, advised.checked.worth
    legs = [
        f"{one.side} {one.contract.strike:g} {one.contract.contract_type} {one.contract.expiration_date}"
        for one in advised.checked.positions
    ]
    return {
        "symbol": advised.facts.symbol,
        "signal": advised.facts.signal.type,
        "idea": f"{idea.action} {idea.direction} {idea.strategy or ''}".strip(),
        "legs": ", ".join(legs),
        "close": advised.facts.close,
        "stop": idea.stop_loss if idea.stop_loss is not None else "",
        "target": idea.profit_target if idea.profit_target is not None else "",
        "confidence": idea.confidence,
        "net price": worth.net_price if worth is not None else "",
        "by": advised.provider,
        "instead of a trade": advised.no_trade_reason or "",
    }
