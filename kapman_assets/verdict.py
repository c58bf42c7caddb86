"""The answer of one rule about stored data. Free of Dagster; `check_results` turns it into a check's result."""

from dataclasses import dataclass

_EXAMPLES = 10


@dataclass(frozen=True)
class Verdict:
    """Whether stored sessions pass one rule, and what a reader needs to find those that do not.

    Attributes:
        passed: no session offends.
        summary: one sentence with the numbers.
        offenders: ISO session to what is wrong with it, symbols included.
    """

    passed: bool
    summary: str
    offenders: dict[str, str]

    @property
    def examples(self) -> dict[str, str]:
        """The first few offenders, for metadata that a person reads."""
        return dict(list(self.offenders.items())[:_EXAMPLES])
