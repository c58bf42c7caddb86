"""`kapman materialize`: run assets through Dagster in this process, for a session or a range."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kapman_assets.cli.abandoned import close_abandoned_runs, process_tag
from kapman_assets.cli.console import console, explained, progress_bars
from kapman_assets.cli.environment import prepare
from kapman_resources import progress
from kapman_resources.errors import ConfigurationError, KapmanError
from kapman_resources.sessions import is_session, sessions_between

if TYPE_CHECKING:
    import dagster as dg


def materialize(
    session: Annotated[datetime | None, typer.Option("--session", formats=["%Y-%m-%d"], help="One session.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    select: Annotated[str, typer.Option(help="Dagster selection, e.g. ohlcv, '+ohlcv', 'group:market'.")] = "*",
) -> None:
    """Materialise assets for one session or a range, in one run."""
    with explained():
        if session is not None:
            if first is not None or last is not None:
                raise ConfigurationError("Give --session, or --from and --to, not both.")
            first = last = session
        if first is None or last is None:
            raise ConfigurationError("Give --session, or --from and --to (YYYY-MM-DD).")
        days = _sessions(first.date(), last.date())
        prepare()
        with progress_bars():
            run_assets(select, days)
        console.print(f"[green]done[/] {select}: {len(days)} sessions, {days[0]} to {days[-1]}")


def _sessions(first: date, last: date) -> list[date]:
    days = sessions_between(first, last)
    if not days:
        why = "the exchange was closed" if first == last and not is_session(first) else "there is no session in it"
        raise ConfigurationError(f"Nothing to do for {first} to {last}: {why}.")
    return days


def run_assets(select: str, sessions: list[date]) -> "dg.ExecuteInProcessResult":
    """Run the selected assets with their checks over a range of sessions, as one Dagster run.

    Args:
        select: Dagster's selection syntax.
        sessions: ascending, without a gap between the first and the last.

    Raises:
        KapmanError: nothing is selected, a session's key is not open yet, or the run failed.
        KeyboardInterrupt: the user stopped it; Dagster has noted that and would otherwise call it a failure.
    """
    # Loading Dagster and planning a long range take seconds before an asset says anything.
    run = f"Dagster run of {select}"
    progress.report(run, 0, 1)
    import dagster as dg

    from kapman_assets.definitions import defs
    from kapman_assets.partitions import SESSIONS, range_tags

    newest = SESSIONS.get_last_partition_key()
    if newest is None or sessions[-1].isoformat() > newest:
        raise KapmanError(f"The session {sessions[-1]} is not over; the newest that can be materialised is {newest}.")
    graph = defs.resolve_asset_graph()
    try:
        keys = dg.AssetSelection.from_string(select).resolve(graph)
    except dg.DagsterError as error:
        raise ConfigurationError(f"--select {select!r}: {error}") from None
    if not keys:
        raise ConfigurationError(f"--select {select!r} selects no asset.")
    with dg.DagsterInstance.get() as instance:
        close_abandoned_runs(instance)
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=sorted(keys),
            # The events are in Dagster's own history; a terminal wants the bar, and at the end what went wrong.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=range_tags(sessions[0], sessions[-1]) | process_tag(),
            raise_on_error=False,
        )
        if _was_interrupted(result):
            raise KeyboardInterrupt
        if not result.success:
            raise KapmanError(_failure(result))
    progress.report(run, 1, 1)
    return result


def _was_interrupted(result: "dg.ExecuteInProcessResult") -> bool:
    errors = (event.step_failure_data.error for event in result.all_events if event.is_step_failure)
    return any(error is not None and error.cls_name == "DagsterExecutionInterruptedError" for error in errors)


def _failure(result: "dg.ExecuteInProcessResult") -> str:
    lines = [f"Run {result.run_id} failed."]
    for event in result.all_events:
        if event.is_step_failure:
            cause = event.step_failure_data
            user = cause.user_failure_data
            text = user.description if user and user.description else cause.error_display_string
            lines.append(f"{event.step_key}: {text}")
    return "\n".join(lines)
