"""Queries of the dealers page, against what was put into the tables and against the calculation's own input."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from kapman_assets.options.gamma_exposure import gex_totals
from kapman_resources import schema
from kapman_ui.queries import dealers
from tests.unit.options.chains import SESSION, chain_of, worked_chain
from tests.unit.ui.markets import fill_dealers


@pytest.fixture
def stored(engine: sa.Engine) -> sa.Engine:
    fill_dealers(engine)
    return engine


def test_overview_has_every_name_with_options_of_the_newest_session(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = dealers.overview(connection).set_index("symbol")
    assert found.index.tolist() == ["FAILS", "LONG", "SHORT"], "NONE has no options"
    assert (found["date"] == SESSION).all(), "an older session is not shown as the newest"
    assert found.loc["LONG", ["chain_status", "dealer_position", "dgpi", "iv_30d"]].tolist() == [
        "COMPLETE", "long_gamma", 40.0, 0.25,
    ]  # fmt: skip
    assert found.loc["FAILS", "chain_status"] == "FAILED"
    assert found.loc["FAILS", ["dealer_position", "dgpi", "iv_30d"]].isna().all()


def test_chain_is_what_the_metrics_were_calculated_on(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = dealers.chain(connection, "LONG", SESSION)
        nothing = dealers.chain(connection, "FAILS", SESSION)
    expected = chain_of(worked_chain(), rate=0.04)
    np.testing.assert_array_equal(found.gamma, expected.gamma)
    assert gex_totals(found) == gex_totals(expected)
    assert len(nothing) == 0
    assert nothing.spot is None


def test_reading_has_the_rows_of_one_name_and_session(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = dealers.reading(connection, "LONG", SESSION)
        failed = dealers.reading(connection, "FAILS", SESSION)
    assert found.dealer is not None
    assert found.volatility is not None
    assert (found.dealer["dgpi"], found.volatility["iv_30d"], found.price) == (40.0, 0.25, None)
    assert failed.status is not None
    assert failed.status["reason"] == "page 2 did not come"
    assert (failed.dealer, failed.volatility) == (None, None)


def test_history_ends_with_the_session(stored: sa.Engine) -> None:
    with stored.connect() as connection:
        found = dealers.history(connection, "LONG", SESSION)
        last = dealers.history(connection, "LONG", SESSION, count=1)
        before = dealers.history(connection, "LONG", SESSION - timedelta(days=1))
    assert found["dgpi"].tolist() == [39.0, 40.0]
    assert found["date"].is_monotonic_increasing
    assert last["dgpi"].tolist() == [40.0]
    assert before["dgpi"].tolist() == [39.0]
    assert found["hv_20"].isna().all(), "there are no price metrics"


def test_the_panel_may_read_all_of_it(stored: sa.Engine) -> None:
    with stored.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE kapman_panel")
        assert len(dealers.overview(connection)) == 3
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.delete(schema.dealer_metrics))
