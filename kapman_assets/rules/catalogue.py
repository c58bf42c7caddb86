"""The names that a rule may use, with what a reader must know of each."""

import difflib
import keyword
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

RESERVED = frozenset({"and", "or", "not", "cross", "cross_above", "cross_below"})

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class Name(NamedTuple):
    """A name of a rule.

    Attributes:
        name: as it is written, lower case.
        unit: of its values.
        description: what it is.
        column: where its values are: the column of a frame, a row or a table. Several names may share one.
    """

    name: str
    unit: str
    description: str
    column: str


class Catalogue:
    """Names, each once, in the order in which they were given."""

    def __init__(self, names: Iterable[Name]) -> None:
        """Collect names.

        Raises:
            ValueError: a name is given twice or cannot be written in a rule.
        """
        self._names: dict[str, Name] = {}
        for name in names:
            if name.name in self._names:
                raise ValueError(f"two names {name.name!r} in one catalogue")
            if not _NAME.fullmatch(name.name) or name.name in RESERVED or keyword.iskeyword(name.name):
                raise ValueError(f"{name.name!r} cannot be the name of a column in a rule")
            self._names[name.name] = name

    def __iter__(self) -> Iterator[Name]:
        return iter(self._names.values())

    def get(self, name: str) -> Name | None:
        """The name, or None."""
        return self._names.get(name)

    def nearest(self, name: str) -> str | None:
        """The name that is written most like this one, None if nothing is alike."""
        near = difflib.get_close_matches(name.lower(), self._names, n=1)
        return near[0] if near else None
