"""The dealers page on a small warehouse."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.gamma_exposure import gex_totals
from kapman_assets.options.json_ready import json_ready
from kapman_resources import schema
from kapman_ui.layout import big_money
from tests.unit.options.chains import chain_of, contract, worked_chain
from tests.unit.ui.markets import fill_dealers, names

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "dealers.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "info") for element in page.get(kind))


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    fill_dealers(panel)
    return panel


@pytest.mark.usefixtures("filled")
def test_the_answer_counts_positions_and_names_the_ends() -> None:
    text = told(opened())
    assert "**long gamma** (pin) in **1**, **short gamma** (push) in **1** of 3 names; neutral or unknown in 1" in text
    assert "Most pushed] **SHORT** (\\-60)" in text.replace("(-60)", "(\\-60)")
    assert "Most pinned] **LONG** (+40)" in text


@pytest.mark.usefixtures("filled")
def test_a_name_from_the_address_tells_its_numbers() -> None:
    page = opened(symbol="LONG")
    totals = gex_totals(chain_of(worked_chain(), rate=0.04))
    assert totals is not None
    assert figures(page)["Net GEX per 1 %"] == big_money(totals.net_gex)
    assert "Long gamma" in told(page)
    assert page.query_params["symbol"] == "LONG"


@pytest.mark.usefixtures("filled")
def test_what_is_unknown_says_why() -> None:
    page = opened(symbol="SHORT")
    assert figures(page)["Gamma flip"] == "–"
    assert "net gamma keeps its sign in the whole range" in told(page)
    assert "net gamma is negative everywhere within 20%" in told(page)


def test_a_chain_that_says_nothing_has_no_numbers(filled: sa.Engine) -> None:
    nothing = json_ready(dealer_metrics(chain_of([contract("C", 100.0, 0)]), adv_20=None, hv_20=None))
    with filled.begin() as connection:
        of_short = sa.select(schema.tickers.c.ticker_id).where(schema.tickers.c.symbol == "SHORT").scalar_subquery()
        table = schema.dealer_metrics
        connection.execute(sa.update(table).where(table.c.ticker_id == of_short).values(**nothing))
    page = opened(symbol="SHORT")
    assert "INVALID because: open interest is zero or unknown everywhere." in told(page)
    known = {name: text for name, text in figures(page).items() if text != "–"}
    assert known == {"Spot": "$100.00"}


@pytest.mark.usefixtures("filled")
def test_a_failed_chain_says_what_became_of_it() -> None:
    page = opened(symbol="FAILS")
    assert "FAILED" in told(page)
    facts = page.dataframe[-1].value.set_index("What")["Value"]
    assert facts["Chain"] == "FAILED: page 2 did not come"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("symbol", "section", "charts"),
    [
        ("LONG", "Dealers", 2),
        # Smile and terms; of the history volatility and put/call ratio, as rank and skew need more.
        ("LONG", "Volatility", 4),
        ("LONG", "Chain", 0),
        ("SHORT", "Dealers", 0),
        # It has no contract for a smile.
        ("SHORT", "Volatility", 3),
    ],
)
def test_every_section_opens_from_the_address(symbol: str, section: str, charts: int) -> None:
    page = opened(symbol=symbol, section=section)
    assert page.button_group[0].value == section
    assert len(page.get("vega_lite_chart")) == charts


@pytest.mark.usefixtures("filled")
def test_choosing_a_name_moves_the_address_and_the_table() -> None:
    page = opened(symbol="LONG")
    page.selectbox[0].set_value("SHORT").run()
    assert page.query_params["symbol"] == "SHORT"
    assert page.session_state["names"]["selection"]["rows"] == [0], "the most pushed is the first row"


@pytest.mark.usefixtures("filled")
def test_an_unknown_name_is_said() -> None:
    assert any("no watched name" in warning.value for warning in opened(symbol="NOSUCH").warning)


def test_without_chains_the_page_says_what_to_run(panel: sa.Engine) -> None:
    names(panel, "AAPL")
    assert "kapman materialize --select options_chains" in told(opened())
