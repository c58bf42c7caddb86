"""The screener on a small warehouse."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_ui.queries import screener
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import fill_screener, names

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "screener.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    fill_screener(panel)
    return panel


@pytest.mark.usefixtures("filled")
def test_chips_and_the_free_form_are_asked_together() -> None:
    page = opened(presets="liquid", rule="rsi_14 < 50")
    assert "**1** of 4 names fit" in told(page)
    assert "unknown for want of a column: 1" in told(page)
    assert page.dataframe[0].value["Symbol"].tolist() == ["LOW"]


@pytest.mark.usefixtures("filled")
def test_without_conditions_all_names_are_there_by_dollar_volume() -> None:
    page = opened()
    assert page.dataframe[0].value["Symbol"].tolist() == ["LOW", "HIGH", "EVEN", "NEW"]


@pytest.mark.usefixtures("filled")
def test_the_address_keeps_the_chips() -> None:
    page = opened()
    page.button_group[0].set_value(["oversold"]).run()
    assert page.query_params["presets"] == "oversold"
    assert page.dataframe[0].value["Symbol"].tolist() == ["LOW"]
    page.button_group[0].set_value([]).run()
    assert "presets" not in page.query_params


@pytest.mark.usefixtures("filled")
def test_every_chip_can_be_asked() -> None:
    options = opened().button_group[0].options
    page = opened(
        presets="oversold,overbought,uptrend,downtrend,trending,macd,high,low,surge,accumulation,squeeze,liquid"
    )
    assert len(page.button_group[0].value) == len(options)
    assert "No name meets all conditions." in told(page)


@pytest.mark.usefixtures("filled")
def test_a_wrong_condition_is_told_at_its_character() -> None:
    page = opened(rule="close > 1 and rsi_15 < 3")
    assert "Character 15" in page.error[0].value
    assert "rsi\\_14" in page.error[0].value
    rule, caret = page.code[0].value.splitlines()
    assert rule[caret.index("^") :].startswith("rsi_15")
    assert "session before" in opened(rule="cross(close, sma_50)").error[0].value


@pytest.mark.usefixtures("filled")
def test_every_column_is_explained() -> None:
    assert opened().dataframe[-1].value["Column"].tolist() == list(screener.COLUMNS)


def test_selected_names_join_a_portfolio(filled: sa.Engine) -> None:
    with filled.begin() as connection:
        connection.execute(sa.insert(schema.portfolios).values(name="MINE"))
    page = opened(rule="close > 95")
    assert page.button(key="add").disabled, "nothing is selected"
    key = f"matches-{SESSION}-{('close > 95',)}-dollar_volume_20-True"
    page.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page.run()
    page.button(key="add").click().run()
    assert not page.exception
    with filled.connect() as connection:
        held = connection.execute(
            sa.select(schema.tickers.c.symbol, schema.portfolio_tickers.c.priority).join_from(
                schema.portfolio_tickers, schema.tickers
            )
        ).all()
    assert held == [("HIGH", "P2")]


def test_without_columns_the_page_says_what_to_run(panel: sa.Engine) -> None:
    names(panel, "AAPL")
    assert "kapman materialize --select universe_technicals" in told(opened())
