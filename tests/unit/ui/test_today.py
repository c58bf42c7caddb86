"""The Today page on a small warehouse."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_resources.sessions import session_offset
from tests.integration.ideas import add_ideas, idea_row
from tests.unit.options.chains import SESSION
from tests.unit.ui.advised import fill_advice, fill_signals

APP = Path(schema.__file__).parents[2] / "kapman_ui" / "app.py"
"""Today is what it opens on; links to other pages need the whole."""


def opened() -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    """All texts of the page as they are read, without the marks of escaping."""
    kinds = ("error", "success", "markdown", "caption", "subheader", "warning")
    return re.sub(r"\\(\W)", r"\1", "\n".join(str(element.value) for kind in kinds for element in page.get(kind)))


def hold(engine: sa.Engine) -> None:
    """Make every review one that says HOLD."""
    with engine.begin() as connection:
        connection.execute(sa.update(schema.recommendation_reviews).values(verdict="HOLD"))
    st.cache_data.clear()  # a page looks at the tables every two seconds


def test_exits_stand_above_everything(panel: sa.Engine) -> None:
    fill_advice(panel)
    page = opened()
    (banner,) = page.error
    assert "CRITICAL · 1 to act on now" in banner.value
    assert "**LEAVE**: exit immediately. Buying-climax score 25 of 28" in banner.value
    drawn = [element.type for element in page]
    assert drawn.index("error") < drawn.index("page_link") < drawn.index("title")
    assert "To do: **1** to exit now, **1** to close, **1** names with an entry signal. 2 recommendations" in told(page)
    text = told(page)
    assert ":red-badge[🔴 CLOSE] -5.0 % since the entry" in text
    assert text.index("CLOSE]") < text.index("HOLD]")


def test_a_card_says_what_to_trade_and_what_it_risks(panel: sa.Engine) -> None:
    fill_advice(panel)
    with panel.begin() as connection:
        settings = {"user_id": "local", "equity": 100_000.0, "risk_fraction": 0.01}
        connection.execute(sa.insert(schema.user_settings).values(settings))
    assert "2 units" not in told(opened()), "it is to be closed"
    hold(panel)
    page = opened()
    assert page.code[0].value == "BUY 1 BUY 30 Sep 2026 100 call @ 4.00"
    text = told(page)
    # 1 % of 100,000 bears two calls that can lose 400 each, and 200 shares with a stop 5 away.
    for words in ("**2 units**", "$800 of $1,000 at risk", "**200 shares**", "**$104.00**", "**41 %**", "**no bound**"):
        assert words in text, words
    assert ":gray-badge[⚪ HOLD] -5.0 % since the entry, -$150 a unit. The stop was reached." in text
    assert "**60.0 %** confidence (calibrated)" in text
    assert "now $97.00" in text


def test_beyond_six_the_others_stand_in_a_table(panel: sa.Engine) -> None:
    ids = fill_advice(panel)
    days = [session_offset(SESSION, -count) for count in range(6, 13)]
    add_ideas(
        panel, [idea_row(ids["LOST"], "LOST", day, confidence=0.51 + place / 100) for place, day in enumerate(days)]
    )
    page = opened()
    assert "**The other 3**" in told(page)
    rest = next(each.value for each in page.dataframe if "Contracts" in each.value)
    assert rest["Confidence"].tolist() == pytest.approx([53.0, 52.0, 51.0])
    assert rest["All"].tolist()[-1] == f"/recommendations?id=LOST-{days[0]}"


def test_texts_from_outside_stay_texts(panel: sa.Engine) -> None:
    fill_advice(panel)
    (reason,) = [each.value for each in opened().markdown if "script" in each.value]
    assert reason.startswith(r"Spring \<script\>alert\(1\)\</script\> \*bold\* \[x\]\(http\:")
    assert r"\$90 to \$110" in reason


def test_a_quiet_day_says_what_was_checked(panel: sa.Engine) -> None:
    fill_signals(panel, quiet=True)
    page = opened()
    assert not page.error
    assert "There is nothing to do.** Checked at the close of 21 Aug 2026: 6 names" in told(page)
    assert "None is open." in told(page)
    assert "0 recommendations are new, 0 ended, 0 names changed" in told(page)


def test_what_changed_since_yesterday(panel: sa.Engine) -> None:
    fill_advice(panel)
    page = opened()
    assert "1 recommendations are new, 1 ended, 2 names changed their signal or phase." in told(page)
    ended, moved = page.dataframe[-2].value, page.dataframe[-1].value
    assert ended[["Ended", "How", "Options, a unit"]].values.tolist() == [["WON", "✅ right", 120.0]]
    assert moved["Changed"].tolist() == ["BUY", "LEAVE"]


def test_the_account_is_kept(panel: sa.Engine) -> None:
    fill_advice(panel)
    hold(panel)
    page = opened()
    page.number_input[0].set_value(50_000.0)
    page.number_input[1].set_value(2.0)
    page.toggle[0].set_value(True)
    page.button[0].click().run()
    assert not page.exception
    u = schema.user_settings.c
    with panel.connect() as connection:
        kept = connection.execute(sa.select(u.user_id, u.equity, u.risk_fraction, u.alert_sound)).one()
    assert kept == ("local", 50_000.0, 0.02, True)
    assert "**2 units**" in told(page)


@pytest.mark.parametrize("wanted", [True, False])
def test_it_rings_once_where_it_is_wanted(panel: sa.Engine, wanted: bool) -> None:
    fill_advice(panel)
    with panel.begin() as connection:
        connection.execute(sa.insert(schema.user_settings).values(user_id="local", alert_sound=wanted))
    page = opened()
    assert len(page.get("audio")) == wanted
    page.run()
    assert not page.get("audio")
