"""The Accuracy page on a small warehouse."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from tests.unit.ui.advised import fill_advice
from tests.unit.ui.markets import names

ROOT = Path(schema.__file__).parents[2]
PAGE = ROOT / "kapman_ui" / "views" / "accuracy.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    kinds = ("success", "error", "warning", "info", "markdown", "caption")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def scores(engine: sa.Engine, weeks: int, better: float, each: int = 20) -> None:
    """Weeks whose forecasts are better than the base rate by so much, give or take 0.01."""
    rows: list[dict[str, Any]] = []
    first = date(2026, 1, 5)
    empty = {"outcomes": each, "scored": each, "wins": each // 2, "neutral": 0, "base_rate": 0.5, "brier_base": 0.25}
    for place in range(weeks):
        brier = 0.25 - better + (0.01 if place % 2 else -0.01)
        key = {"week": first + timedelta(weeks=place), "dimension": "all", "value": "all"}
        for span in ("week", "to_date"):
            rows.append(key | empty | {"span": span, "brier": brier, "hit_rate": 0.5, "mean_confidence": 0.6})
    last = {"week": first + timedelta(weeks=weeks - 1), "span": "to_date", "brier": 0.2}
    rows += [
        last | empty | {"dimension": "confidence", "value": "0.6-0.7", "hit_rate": 0.5, "mean_confidence": 0.63},
        last | empty | {"dimension": "event", "value": "SOS", "hit_rate": 0.5, "mean_confidence": 0.6, "scored": 29},
        last | empty | {"dimension": "event", "value": "SPRING", "hit_rate": 0.5, "mean_confidence": 0.6, "scored": 30},
    ]
    columns = {name: None for row in rows for name in row}
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.forecast_accuracy), [columns | row for row in rows])


@pytest.mark.parametrize(
    ("weeks", "better", "each", "sentence"),
    [
        (10, 0.05, 20, "**The forecasts beat the base rate**: Brier score 0.2000 against 0.2500"),
        (10, -0.05, 20, "**The forecasts are worse than the base rate**: Brier score 0.3000"),
        (10, 0.001, 20, "**The forecasts do not beat the base rate** by more than chance: Brier score 0.2490"),
        (10, 0.05, 9, "**Too early to trust**, so far better than the base rate: Brier score 0.2000"),
        (6, 0.05, 50, "**Too early to trust**"),
    ],
)
def test_the_answer_stands_at_the_top_with_its_n(
    panel: sa.Engine, weeks: int, better: float, each: int, sentence: str
) -> None:
    names(panel, "AAPL")
    scores(panel, weeks, better, each)
    text = told(opened())
    assert sentence in text
    assert f"n = {weeks * each} in {weeks} weeks" in text


def test_small_numbers_are_marked(panel: sa.Engine) -> None:
    fill_advice(panel)
    scores(panel, 10, 0.05)
    page = opened(by="Event")
    table = page.dataframe[-1].value
    assert table["Event"].tolist() == ["SOS", "SPRING"]
    assert table["n"].tolist() == [29, 30]
    assert table[""].tolist() == ["⚠ n < 30", ""]
    assert "claude: calibrated 0.2200 against raw 0.2500" in told(page)


def test_without_outcomes_it_says_what_to_run(panel: sa.Engine) -> None:
    names(panel, "AAPL")
    page = opened()
    assert "No recommendation has ended yet." in told(page)
    assert "against their badge" in page.subheader[0].value


def test_events_against_their_badge_are_those_of_the_document(panel: sa.Engine) -> None:
    names(panel, "AAPL")
    text = told(opened())
    document = (ROOT / "docs" / "wyckoff-forward.md").read_text()
    rows = re.findall(
        r"^\| (\w+) \| (rising|falling) \| 20 \| (\d+) \|(?:[^|]*\|){3} ([+-][\d.]+)% \|(.*)$", document, re.M
    )
    against = {
        event: (badge, count, f"{float(excess):+.1f} %")
        for event, badge, count, excess, rest in rows
        if "against its badge, **not by chance**" in rest
    }
    assert len(against) == 2
    for event, (badge, count, excess) in against.items():
        words = f"**{event}** is called {badge}, and {count} of them were followed by {excess} against the same name's"
        assert words in text
