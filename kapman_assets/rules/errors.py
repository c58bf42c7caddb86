"""What is wrong with a rule, and at which character."""

from kapman_resources.errors import KapmanError

_SHOWN = 60
"""Characters of a long rule that are shown on each side of the error."""


class RuleError(KapmanError):
    """A rule that cannot be read or asked.

    Attributes:
        problem: what is wrong and how to mend it.
        text: the rule.
        position: the character that the problem is about, from 0; the rule's length if it is missing at its end.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        self.problem, self.text, self.position = problem, text, position
        first = max(position - _SHOWN, 0)
        # A caret stands below its character only if each of them is one column wide.
        shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in text[first : position + _SHOWN])
        super().__init__(f"{problem}, at character {position + 1}:\n  {shown}\n  {' ' * (position - first)}^")
