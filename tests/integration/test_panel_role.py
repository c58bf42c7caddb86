"""What the panel may do in the database: read everything, write its users' own tables, and nothing else."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.panel_role import USER_TABLES, panel_engine


@pytest.fixture
def panel(warehouse_url: str) -> Iterator[sa.Engine]:
    engine = panel_engine(warehouse_url)
    yield engine
    engine.dispose()


def test_the_panel_reads_every_table_and_view(panel: sa.Engine) -> None:
    with panel.connect() as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == "kapman_panel"
        for name in [*schema.metadata.tables, *sa.inspect(connection).get_view_names()]:
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name)))


@pytest.mark.parametrize("name", sorted(schema.metadata.tables))
def test_the_panel_writes_only_what_is_its_users(panel: sa.Engine, name: str) -> None:
    table = schema.metadata.tables[name]
    with panel.connect() as connection:
        if table in USER_TABLES:
            connection.execute(sa.delete(table))
        else:
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                connection.execute(sa.delete(table))


def test_the_panel_takes_note_of_an_alert_and_changes_nothing_else_of_it(panel: sa.Engine) -> None:
    alerts = schema.alerts
    with panel.connect() as connection:
        connection.execute(sa.update(alerts).values(acknowledged_at=sa.func.now(), acknowledged_by="local"))
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.update(alerts).values(title="changed"))


def test_the_panel_reads_what_is_made_later(engine: sa.Engine, panel: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE made_later (a integer)"))
        connection.execute(sa.text("CREATE VIEW seen_later AS SELECT 1 AS a"))
    with panel.connect() as connection:
        for name in ("made_later", "seen_later"):
            connection.execute(sa.text(f"SELECT a FROM {name}"))
