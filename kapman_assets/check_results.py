"""Results of Dagster's asset checks, made from verdicts. What is judged is in the `quality` module of each domain."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from kapman_assets.verdict import Verdict


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
