"""What a panel asks its warehouse, counted in the server's own log: every statement that reads a table.

Belongs here: having the server write them down and counting. Nothing is timed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

_LINE = re.compile(r"^<kapman:panel\|(?P<database>[^|]*)> LOG:\s+(?:statement|execute [^:]*): (?P<text>.*)$")
_NO_READS = (
    *(";", "BEGIN", "ROLLBACK", "COMMIT", "SET"),
    # What a new connection asks of the server.
    *("show ", "select current_schema", "select pg_catalog.version"),
)
_PREFIX = "<%a|%d> "


class StatementLog:
    """The statements of one database since this was made."""

    def __init__(self, log: Path, database: str) -> None:
        self._log, self._database = log, database
        self._start = log.stat().st_size

    def reads(self) -> list[str]:
        """The first line of each statement but those around a transaction and of a new connection, oldest first."""
        with self._log.open("rb") as lines:
            lines.seek(self._start)
            text = lines.read().decode(errors="replace")
        found = (_LINE.match(line) for line in text.splitlines())
        asked = [match["text"].strip() for match in found if match and match["database"] == self._database]
        return [statement for statement in asked if not statement.startswith(_NO_READS)]

    def restart(self) -> None:
        """Count from here."""
        self._start = self._log.stat().st_size


@contextmanager
def logged(server_url: str, log: Path, database: str) -> Iterator[StatementLog]:
    """Have the server log all statements while the block runs.

    Args:
        server_url: of any of its databases, as a superuser.
        log: the server's log file.
        database: whose statements are counted.
    """
    settings = {"log_statement": "all", "log_line_prefix": _PREFIX}
    with psycopg.connect(server_url, autocommit=True) as connection:
        try:
            for name, value in settings.items():
                change = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
                connection.execute(change)
            connection.execute("SELECT pg_reload_conf()")
            yield StatementLog(log, database)
        finally:
            for name in settings:
                connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            connection.execute("SELECT pg_reload_conf()")
