"""The job that sends what is in the outbox."""

import dagster as dg

from kapman_assets.alerts.delivery import deliver
from kapman_assets.runs import in_process
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.notifier import Notifier
from kapman_resources.settings import load_settings


@dg.op
def send_due_messages(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """Send every message that is due to the channels of NOTIFY_URLS."""
    with warehouse.engine("notification_delivery") as engine:
        done = deliver(engine, Notifier(load_settings().notify_urls))
    context.log.info(
        "%d sent, %d to be tried again, %d given up, %d taken over from a process that died.",
        done.sent,
        done.to_repeat,
        done.failed,
        done.taken_over,
    )


@dg.job(executor_def=in_process, description="Sends what is in the outbox to the channels of NOTIFY_URLS.")
def notification_delivery() -> None:
    """Run the one step of the job."""
    send_due_messages()
