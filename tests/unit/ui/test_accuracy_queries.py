"""What the Accuracy page asks, against the outcomes behind it."""

import pytest
import sqlalchemy as sa

from kapman_assets.sql_models import Model, load_models
from kapman_resources import schema
from kapman_ui.queries import accuracy
from tests.unit.ui.advised import ISSUED, fill_advice, score


@pytest.fixture(scope="module")
def model() -> Model:
    return next(model for model in load_models() if model.name == "forecast_accuracy")


def test_weeks_and_totals_are_those_of_the_outcomes(engine: sa.Engine, model: Model) -> None:
    fill_advice(engine)
    score(engine, model)
    with engine.connect() as connection:
        weeks, totals = accuracy.by_week(connection), accuracy.to_date(connection)
    # One at 0.7 was right, one wrong: (0.09 + 0.49) / 2 against 0.25 of saying one half.
    assert weeks["scored"].tolist() == [2]
    assert weeks["brier"].tolist() == pytest.approx([0.29])
    assert weeks["brier_base"].tolist() == pytest.approx([0.25])
    by = totals.set_index(["dimension", "value"])
    assert by.loc[("confidence", "0.7-0.8"), "hit_rate"] == pytest.approx(0.5)
    assert by.loc[("event", "SPRING"), "option_pnl"] == pytest.approx(40.0)
    assert set(totals["dimension"]) == {"all", *accuracy.DIMENSIONS}


def test_the_newest_calibration_of_each_provider_is_told(engine: sa.Engine) -> None:
    ids = fill_advice(engine)
    row = {"date": ISSUED, "confidence": 0.7, "outcomes": 120, "null_reasons": {}, "brier_raw": 0.3}
    with engine.begin() as connection:
        connection.execute(
            sa.insert(schema.confidence_calibration),
            [
                row | {"ticker_id": ids[symbol], "calibrated": 0.58, "brier_calibrated": 0.2}
                for symbol in ("WON", "LOST")
            ],
        )
        found = accuracy.calibration(connection).set_index("provider")
        bins = accuracy.calibrated_bins(connection)
    assert found.loc["claude", ["outcomes", "brier_raw", "brier_calibrated"]].tolist() == [120, 0.25, 0.22]
    assert found.loc["rules", "brier_calibrated"] == 0.2
    # CALM is open and has no end to be held against.
    assert bins.values.tolist() == [[pytest.approx(0.58), 0.5, 2]]
