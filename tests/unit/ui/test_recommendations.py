"""The Recommendations page on a small warehouse."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from tests.unit.ui.advised import HOSTILE, ISSUED, fill_advice, fill_signals

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "recommendations.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "text", "subheader")
    text = "\n".join(str(element.value) for kind in kinds for element in page.get(kind))
    # As a reader sees it: without what keeps text from being read as Markdown.
    return re.sub(r"\\(\W)", r"\1", text).replace("\u2060", "")


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    fill_advice(panel)
    return panel


def test_nothing_said_says_what_to_run(panel: sa.Engine) -> None:
    fill_signals(panel)
    page = opened()
    assert "Nothing has been recommended yet." in told(page)
    assert not page.dataframe


@pytest.mark.usefixtures("filled")
def test_the_answer_stands_at_the_top() -> None:
    text = told(opened())
    assert "**6** were said: 3 are open, 1 were never entered, 0 ended inside the neutral band." in text
    assert "Of 2 with a direction to score, **1 were right** (50 %)" in text
    assert "too few to judge by" in text


@pytest.mark.usefixtures("filled")
def test_the_address_filters_and_names_one() -> None:
    page = opened(status="OPEN", direction="LONG", id=f"CALM-{ISSUED}")
    assert page.dataframe[0].value["Symbol"].tolist() == ["BUY", "CALM"]
    assert page.dataframe[0].value["Calibrated"].tolist()[1] == 60.0
    assert page.subheader[0].value == "CALM · 14 Aug 2026"
    page = opened(text="spring was confirmed", strategy="FORECAST")
    assert page.dataframe[0].value["Symbol"].tolist() == ["CALM", "LOST", "NEVER", "WON"]
    assert "No recommendation meets all filters." in told(opened(provider="openai"))


@pytest.mark.usefixtures("filled")
def test_an_open_one_is_shown_with_its_payoff() -> None:
    page = opened(id=f"BUY-{ISSUED}")
    assert page.code[0].value == "BUY 1 BUY 30 Sep 2026 100 call @ 4.00"
    assert "**Open** until" in told(page)
    assert len(page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")) == 1
    assert HOSTILE in told(page)
    reviews = page.dataframe[1].value
    assert reviews["Verdict"].tolist() == ["🔴 CLOSE", "⚪ HOLD"]


@pytest.mark.usefixtures("filled")
def test_all_that_stands_behind_one_is_there() -> None:
    page = opened(id=f"CALM-{ISSUED}")
    source = dict(page.dataframe[-1].value.values.tolist())
    assert (source["Answered by"], source["Model"], source["Prompt hash"]) == ("claude", "model-x", "aa")
    assert source["Tokens"] == "900 in, 80 out"
    assert source["Cost"] == "–"
    assert "UNKNOWN_CONTRACT: O:X is none of the facts' contracts." in told(page)
    assert HOSTILE in [each.value for each in page.text]


@pytest.mark.usefixtures("filled")
def test_how_one_ended_is_told_with_what_is_unknown() -> None:
    assert "**✅ right**: ended on 21 Aug 2026 by TARGET. Underlying +10.0 %" in told(opened(id=f"WON-{ISSUED}"))
    text = told(opened(id=f"NEVER-{ISSUED}"))
    assert "**⬜ never entered**" in text
    assert "Unknown: option pnl (not entered)" in text


@pytest.mark.parametrize("wrong", ["BUY", "BUY-2026-13-01", "*x*-2026-08-14", ""])
@pytest.mark.usefixtures("filled")
def test_an_address_of_nothing_says_so(wrong: str) -> None:
    page = opened(id=wrong)
    assert len(page.warning) == 2, "the market's age, and this"
    assert not page.subheader
