"""Results of Dagster's asset checks, made from verdicts. What is judged is in the `quality` module of each domain."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

import dagster as dg
import sqlalchemy as sa

from kapman_assets.partitions import sessions_of_run
from kapman_assets.verdict import Verdict
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session

Judge = Callable[[sa.Connection, Sequence[date]], Verdict]


def session_checks(
    name: str,
    judges: Mapping[dg.AssetCheckKey, Judge],
    *,
    errors: Collection[str] = (),
    blocking: Collection[str] = (),
) -> dg.AssetChecksDefinition:
    """Checks that judge the sessions of their run, or the newest one if it has none.

    They are not partitioned: Dagster 1.13 runs partitioned checks but cannot show their results.

    Args:
        name: of the step that makes them.
        judges: by check, the rule to judge by; its docstring tells the reader what the check is about.
        errors: names of the checks that are red when they fail; the others are yellow.
        blocking: names of those that are red and keep what is downstream from being made.
    """

    @dg.multi_asset_check(
        name=name,
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=judge.__doc__, blocking=key.name in blocking)
            for key, judge in judges.items()
        ],
    )
    def checks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        sessions = sessions_of_run(context.run) or [latest_open_session(datetime.now(UTC))]
        with warehouse.engine(name) as engine, engine.connect() as connection:
            verdicts = {key: lambda judge=judge: judge(connection, sessions) for key, judge in judges.items()}
            yield from selected_results(context, verdicts, errors=frozenset({*errors, *blocking}))

    return checks


def selected_results(
    context: dg.AssetCheckExecutionContext,
    verdicts: Mapping[dg.AssetCheckKey, Callable[[], Verdict]],
    *,
    errors: frozenset[str] = frozenset(),
) -> Iterator[dg.AssetCheckResult]:
    """The results of those checks that this run is to make; only they are judged.

    Args:
        context: the check's.
        verdicts: by check, the rule to judge by.
        errors: names of the checks that are red when they fail; the others are yellow.
    """
    for key, judge in verdicts.items():
        if key in context.selected_asset_check_keys:
            yield result_of(key, judge(), is_error=key.name in errors)


def result_of(key: dg.AssetCheckKey, verdict: Verdict, *, is_error: bool = False) -> dg.AssetCheckResult:
    """A verdict as the result of a check."""
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=verdict.summary,
        metadata={
            "offenders": dg.MetadataValue.json(verdict.examples),
            "offender_count": len(verdict.offenders),
        },
    )
