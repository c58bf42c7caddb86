"""What a run does when something fails: which errors are tried again, and which never."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, NoReturn

import dagster as dg
import psycopg
import sqlalchemy as sa

from kapman_resources.errors import KapmanError, TransientError

in_process = dg.in_process_executor
"""Every job's executor: a process a step costs seconds, and steps here are sessions long."""

MAX_RETRIES = 3
_WAIT_SECONDS = 10.0


@contextmanager
def retry_if_transient(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn the block's errors into Dagster's two kinds: try the step again, or fail for good.

    A source that is down and a database connection that was lost are tried again, after twice the wait each
    time; everything else that Kapman raises on purpose (rejected credentials, refused data, a wrong setting)
    fails at once with its message. Dagster's run retries stay out of it: they are for crashed processes.
    """
    try:
        yield
    except (TransientError, sa.exc.OperationalError, psycopg.OperationalError) as error:
        wait = _WAIT_SECONDS * 2**context.retry_number
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from error
    except KapmanError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def log_materialised(context: dg.AssetExecutionContext, done: Mapping[date, Mapping[str, Any]]) -> None:
    """Say which sessions of a range are stored, for a step with one asset that cannot claim all of them.

    Args:
        context: the step's.
        done: metadata of each session that is stored.
    """
    for session, metadata in done.items():
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=session.isoformat(), metadata=dict(metadata))
        )


def fail_partly(
    context: dg.AssetExecutionContext,
    done: Mapping[date, Mapping[str, Any]],
    failed: Mapping[date, str],
    *,
    note: str = "",
) -> NoReturn:
    """End a run of which some sessions could not be stored: those that were are materialised all the same.

    Args:
        context: of a step with one asset.
        done: metadata of each session that is stored.
        failed: why each of the others is not.
        note: a last sentence for the reader.
    """
    log_materialised(context, done)
    reasons = "\n".join(f"- {reason}" for _, reason in sorted(failed.items()))
    raise dg.Failure(
        f"{len(failed)} of {len(context.partition_keys)} sessions could not be stored:\n{reasons}{note}",
        metadata={"failed_sessions": dg.MetadataValue.json([day.isoformat() for day in sorted(failed)])},
        allow_retries=False,
    )
