"""What a run does when something fails: which errors are tried again, and which never."""

from collections.abc import Iterator
from contextlib import contextmanager

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
