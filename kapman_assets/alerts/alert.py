"""What an alert is, before it is stored. Which alerts there are is decided in the modules that make them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Priority(StrEnum):
    """How urgent, as in v2.0 §5.5; the most urgent first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFO = "INFO"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Priority).index(self)

    @property
    def is_told_at_once(self) -> bool:
        """Whether it has a message of its own; the others are in the daily summary."""
        return self.rank <= Priority.MEDIUM.rank


class Kind(StrEnum):
    """Who found it."""

    SIGNAL = "signal"
    RULE = "rule"
    SYSTEM = "system"


@dataclass(frozen=True)
class Alert:
    """A condition that fired; the attributes are the columns of the table `alerts`.

    Attributes:
        subject: what it is about, part of the key: a symbol, a job.
        channels: names or schemes of the channels that are told; empty: all.
        is_of_session: whether it is said once a session; else once for ever.
    """

    session: date
    kind: Kind
    code: str
    subject: str
    priority: Priority
    title: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    value: float | None = None
    ticker_id: int | None = None
    symbol: str | None = None
    rule_id: int | None = None
    user_id: str | None = None
    channels: tuple[str, ...] = ()
    is_of_session: bool = True

    @property
    def key(self) -> str:
        """What is said once."""
        what = f"{self.subject}:{self.code}"
        return f"{self.session}:{what}" if self.is_of_session else what


def most_urgent_first(alert: Alert) -> tuple[int, str, str]:
    """Order in which alerts are stored and told."""
    return alert.priority.rank, alert.subject, alert.code
