"""What users write for themselves, with the panel's own rights."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from kapman_resources import schema
from kapman_resources.panel_role import panel_engine
from kapman_ui.queries import users
from kapman_ui.queries.users import Settings


@pytest.fixture
def own(warehouse_url: str) -> Iterator[sa.Engine]:
    """The panel's engine on a warehouse."""
    of_panel = panel_engine(warehouse_url)
    yield of_panel
    of_panel.dispose()


def test_settings_are_each_users_own(own: sa.Engine) -> None:
    chosen = Settings(equity=25_000.0, risk_fraction=0.02, stop_atr=1.5, alert_sound=True)
    with own.begin() as connection:
        assert users.settings(connection, "me") == Settings()
        users.save_settings(connection, "me", Settings(equity=1.0))
        users.save_settings(connection, "me", chosen)
        assert users.settings(connection, "me") == chosen
        assert users.settings(connection, "you") == Settings()


def test_defaults_are_those_of_the_table(own: sa.Engine) -> None:
    with own.begin() as connection:
        connection.execute(sa.insert(schema.user_settings).values(user_id="bare"))
        assert users.settings(connection, "bare") == Settings()


@pytest.mark.parametrize("wrong", [Settings(equity=0.0), Settings(risk_fraction=0.5), Settings(stop_atr=0.0)])
def test_settings_out_of_range_are_refused(own: sa.Engine, wrong: Settings) -> None:
    with own.begin() as connection, pytest.raises(sa.exc.IntegrityError):
        users.save_settings(connection, "me", wrong)
