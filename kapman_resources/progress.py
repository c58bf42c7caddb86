"""How far a long piece of work has come, told to whoever listens.

The worker calls `report` and knows nothing of terminals; a command line listens and draws a bar. Dagster's
log is not used for this: each of its messages is a database write.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int], None]

_listeners: list[Listener] = []


def report(what: str, done: int, total: int) -> None:
    """Say that `done` of `total` units of `what` are finished."""
    for listener in _listeners:
        listener(what, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass every report of this process to `listener` while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
