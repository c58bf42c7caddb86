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
    lines = charts.curves(frame, "date", "value", "series", title="% a year").to_dict()["layer"][1]
    # A line of one day has no length: without its point nothing is drawn.
    assert lines["mark"]["point"] is is_short
    assert lines["encoding"]["x"]["axis"] == ({"tickCount": "day", "format": "%d %b"} if is_short else {})
