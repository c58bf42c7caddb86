"""Queries of the Data page: what each table holds, what is missing or refused, and what the checks said."""

import json
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.sessions import sessions_between
from kapman_ui.queries.marking import depends_on

EVERY_SESSION = (
    schema.ohlcv,
    schema.universe_technicals,
    schema.etf_features,
    schema.options_chain_status,
    schema.options_daily_summary,
    schema.volatility_metrics,
    schema.dealer_metrics,
    schema.price_metrics,
    schema.technical_indicators,
    schema.wyckoff_phases,
    schema.daily_snapshots,
)
"""Tables with rows in every session: the newest of them is how far each has come."""

NOT_EVERY_SESSION = (
    schema.wyckoff_events,
    schema.recommendations,
    schema.recommendation_outcomes,
    schema.alerts,
)
"""Tables with rows in sessions in which something happened."""

NO_CHECKS = pd.DataFrame(columns=["asset", "check", "verdict", "said", "judged_at"])
"""What is known of checks where nobody has asked any."""

_RECENT = 20

_CHECKS = sa.text("""
    SELECT DISTINCT ON (asset_key, check_name) asset_key, check_name, execution_status,
           evaluation_event_timestamp AS judged_at, evaluation_event
    FROM asset_check_executions
    WHERE evaluation_event_timestamp IS NOT NULL AND execution_status IN ('SUCCEEDED', 'FAILED')
    ORDER BY asset_key, check_name, id DESC
""")


@depends_on(*EVERY_SESSION, *NOT_EVERY_SESSION)
def tables(connection: sa.Connection) -> pd.DataFrame:
    """By session table: `table`, its `newest` and `oldest` session, and the `rows` of the newest."""
    parts = []
    for table in (*EVERY_SESSION, *NOT_EVERY_SESSION):
        newest = sa.select(sa.func.max(table.c.date)).scalar_subquery()
        oldest = sa.select(sa.func.min(table.c.date)).scalar_subquery()
        rows = sa.select(sa.func.count()).select_from(table).where(table.c.date == newest).scalar_subquery()
        parts.append(
            sa.select(
                sa.literal(table.name).label("table"),
                oldest.label("oldest"),
                newest.label("newest"),
                rows.label("rows"),
            )
        )
    result = connection.execute(sa.union_all(*parts))
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(schema.ohlcv_sessions)
def gaps(connection: sa.Connection) -> list[date]:
    """Sessions between the first and the last stored one that have no bars."""
    stored = set(connection.scalars(sa.select(schema.ohlcv_sessions.c.date)))
    return [day for day in sessions_between(min(stored), max(stored)) if day not in stored] if stored else []


@depends_on(schema.ohlcv_quarantine, schema.ohlcv_sessions)
def refused_bars(connection: sa.Connection) -> pd.DataFrame:
    """Refused rows of the newest sessions: `date`, `reason`, `rows`, an `example` symbol; the newest first."""
    table, stored = schema.ohlcv_quarantine, schema.ohlcv_sessions
    recent = sa.select(stored.c.date).order_by(stored.c.date.desc()).limit(_RECENT)
    query = (
        sa.select(
            table.c.date, table.c.reason, sa.func.count().label("rows"), sa.func.min(table.c.symbol).label("example")
        )
        .where(table.c.date >= sa.select(sa.func.min(recent.subquery().c.date)).scalar_subquery())
        .group_by(table.c.date, table.c.reason)
        .order_by(table.c.date.desc(), sa.desc("rows"))
        .limit(200)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(schema.options_chain_status)
def doubtful_chains(connection: sa.Connection) -> pd.DataFrame:
    """Chains of the newest session that are not COMPLETE: `symbol`, `status`, `reason`, `contracts`, `pages`."""
    status = schema.options_chain_status
    newest = sa.select(sa.func.max(status.c.date)).scalar_subquery()
    query = (
        sa.select(schema.tickers.c.symbol, status.c.status, status.c.reason, status.c.contracts, status.c.pages)
        .join(schema.tickers, schema.tickers.c.ticker_id == status.c.ticker_id)
        .where(status.c.date == newest, status.c.status != "COMPLETE")
        .order_by(status.c.status, schema.tickers.c.symbol)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(schema.daily_snapshots)
def snapshot_quality(connection: sa.Connection) -> pd.DataFrame:
    """Snapshots of the newest session by what keeps them from complete: `quality`, `missing`, `names`."""
    table = schema.daily_snapshots
    newest = sa.select(sa.func.max(table.c.date)).scalar_subquery()
    missing = sa.func.array_to_string(table.c.missing, ", ").label("missing")
    query = (
        sa.select(table.c.data_quality.label("quality"), missing, sa.func.count().label("names"))
        .where(table.c.date == newest)
        .group_by(table.c.data_quality, missing)
        .order_by(sa.desc("names"))
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(schema.job_runs)
def failed_runs(connection: sa.Connection) -> pd.DataFrame:
    """The newest runs that failed: `job`, `first_session`, `last_session`, `ended_at`, `error`, `run_id`."""
    runs = schema.job_runs
    columns = [runs.c[name] for name in ("job", "first_session", "last_session", "ended_at", "error", "run_id")]
    query = sa.select(*columns).where(runs.c.status == "FAILURE").order_by(runs.c.ended_at.desc()).limit(_RECENT)
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def checks(connection: sa.Connection) -> pd.DataFrame:
    """The newest verdict of every asset check: `asset`, `check`, `verdict`, `said`, `judged_at`; from Dagster."""
    rows = [
        {
            "asset": json.loads(row.asset_key)[-1],
            "check": row.check_name,
            **_verdict(json.loads(row.evaluation_event)),
            "judged_at": row.judged_at,
        }
        for row in connection.execute(_CHECKS)
    ]
    return pd.DataFrame(rows, columns=NO_CHECKS.columns)


def _verdict(event: dict[str, Any]) -> dict[str, str]:
    told = event["dagster_event"]["event_specific_data"]
    severity = told["severity"]["__enum__"].removeprefix("AssetCheckSeverity.")
    return {"verdict": "passed" if told["success"] else severity.lower(), "said": told["description"] or ""}
