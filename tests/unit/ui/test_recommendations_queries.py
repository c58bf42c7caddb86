"""What the Recommendations page asks, against rows put there by hand."""

from typing import Any

import pytest
import sqlalchemy as sa

from kapman_ui.queries import recommendations
from tests.unit.options.chains import SESSION
from tests.unit.ui.advised import BEFORE, HOSTILE, ISSUED, fill_advice


def test_counts_say_how_all_stand(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert set(recommendations.counts(connection).values()) == {0}
    fill_advice(engine)
    with engine.connect() as connection:
        told = recommendations.counts(connection)
    assert told == {"OPEN": 3, "WIN": 1, "LOSS": 1, "NEUTRAL": 0, "VOID": 1, "right": 1, "scored": 2}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["LEAVE", "BUY", "CALM", "LOST", "NEVER", "WON"]),
        ({"said": ("LONG_CALL", "EXIT")}, ["LEAVE", "BUY"]),
        ({"directions": ("SHORT",)}, ["LEAVE"]),
        ({"statuses": ("OPEN",)}, ["LEAVE", "BUY", "CALM"]),
        ({"statuses": ("WIN", "VOID")}, ["NEVER", "WON"]),
        ({"providers": ("claude",)}, ["CALM"]),
        ({"text": "<SCRIPT>"}, ["BUY"]),
        ({"text": "%"}, []),
        ({"text": "'; DROP TABLE recommendations; --"}, []),
        ({"text": "lo"}, ["LOST"]),
        ({"limit": 2}, ["LEAVE", "BUY"]),
    ],
)
def test_filters_leave_what_meets_all_of_them(engine: sa.Engine, filters: dict[str, Any], expected: list[str]) -> None:
    fill_advice(engine)
    with engine.connect() as connection:
        assert recommendations.found(connection, **filters)["symbol"].tolist() == expected


def test_one_has_all_that_stands_behind_it(engine: sa.Engine) -> None:
    ids = fill_advice(engine)
    with engine.connect() as connection:
        assert recommendations.one(connection, "BUY", SESSION) is None
        found = recommendations.one(connection, "CALM", ISSUED)
        assert found is not None
        assert (found["prompt_hash"], found["request_hash"], found["input_tokens"]) == ("aa", "bb", 900)
        (refused,) = recommendations.rejections(connection, ISSUED, ids["CALM"])
        assert refused["answer"] == HOSTILE
        told = recommendations.reviews(connection, ISSUED, ids["BUY"])
        assert told["date"].tolist() == [SESSION, BEFORE]
        assert told["verdict"].tolist() == ["CLOSE", "HOLD"]
