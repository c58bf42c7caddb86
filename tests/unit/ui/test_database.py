"""How the panel knows that a table has changed."""

import pytest

from kapman_ui.database import table_state, writing
from kapman_ui.queries import portfolios


@pytest.mark.usefixtures("panel")
def test_what_the_user_writes_is_counted_when_it_is_written() -> None:
    for written in (1, 2, 3):
        with writing() as connection:
            portfolios.create(connection, f"Number {written}", None)
        assert table_state()["portfolios"] == written
