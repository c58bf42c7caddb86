"""What a chart is made of: its specification."""

from datetime import date, timedelta

import pandas as pd
import pytest

from kapman_ui import charts

FIRST = date(2026, 8, 3)


@pytest.mark.parametrize(("count", "is_short"), [(1, True), (3, True), (60, False)])
def test_few_days_are_marked_and_named(count: int, is_short: bool) -> None:
    days = [FIRST + timedelta(days=number) for number in range(count)]
    frame = pd.DataFrame({"date": days, "value": range(count), "series": "IV"})
    (lines,) = charts.curves(frame, "date", "value", "series", title="% a year").to_dict()["layer"]
    # A line of one day has no length: without its point nothing is drawn.
    assert lines["mark"]["point"] is is_short
    assert lines["encoding"]["x"]["axis"] == ({"tickCount": "day", "format": "%d %b"} if is_short else {})


def test_a_level_is_drawn_only_where_there_is_one() -> None:
    frame = pd.DataFrame({"price": [1.0, 2.0], "net": [-1.0, 1.0], "series": "net"})
    for level, marks in ((None, ["line"]), (0.0, ["rule", "line"])):
        drawn = charts.curves(frame, "price", "net", "series", x_title="USD", title="USD", level=level).to_dict()
        assert [layer["mark"]["type"] for layer in drawn["layer"]] == marks
