"""The ETF panel on a small warehouse."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_ui.queries import users
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import Z, close_of, fill_etf, names

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "etf.py"


def opened(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "success", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    fill_etf(panel)
    return panel


@pytest.mark.usefixtures("filled")
def test_the_answer_is_breadth_and_the_most_stretched() -> None:
    text = told(opened())
    for badge in ("1 BUY", "1 SELL", "1 HOLD", "1 unknown", "of 4 sectors", "Most stretched: **XLSELL** (z +2.00)"):
        assert badge in text


@pytest.mark.parametrize(
    ("moved", "said", "unsaid"),
    [
        ({"XLBUY": 0.3, "XLSELL": 1.5}, ["rising fastest in five sessions: **XLSELL** (Δz +1.50)"], "falling"),
        ({"XLBUY": -0.3, "XLSELL": -1.5}, ["falling fastest in five sessions: **XLSELL** (Δz -1.50)"], "rising"),
        (
            {"XLBUY": 0.3, "XLSELL": -1.5},
            ["rising fastest in five sessions: **XLBUY**", "**XLSELL** (Δz -1.50)"],
            "SPY",
        ),
    ],
)
def test_only_what_rises_is_called_rising(
    filled: sa.Engine, moved: dict[str, float], said: list[str], unsaid: str
) -> None:
    features, tickers = schema.etf_features, schema.tickers
    with filled.begin() as connection:
        connection.execute(sa.update(features).values(dz5=0.0))
        for symbol, by in moved.items():
            name = sa.select(tickers.c.ticker_id).where(tickers.c.symbol == symbol).scalar_subquery()
            connection.execute(sa.update(features).where(features.c.ticker_id == name).values(dz5=by))
    answer = next(line for line in told(opened()).split("\n") if "Most stretched" in line)
    assert [words for words in said if words not in answer] == []
    assert unsaid not in answer


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("preset", "shown"),
    [
        ("all", ["SPY", "XLBUY", "XLHOLD", "XLNEW", "XLSELL"]),
        ("strong", ["XLBUY", "XLSELL"]),
        ("stretched", ["XLSELL", "XLBUY", "SPY", "XLHOLD", "XLNEW"]),
        ("nonsense", ["SPY", "XLBUY", "XLHOLD", "XLNEW", "XLSELL"]),
    ],
)
def test_the_address_keeps_the_preset(preset: str, shown: list[str]) -> None:
    page = opened(preset=preset, horizon="20D")
    assert page.dataframe[0].value["Symbol"].tolist() == shown
    assert page.query_params["preset"] == ("all" if preset == "nonsense" else preset)


@pytest.mark.usefixtures("filled")
def test_parts_of_each_composite_add_up_to_it() -> None:
    table = opened().dataframe[0].value.set_index("Symbol")
    for symbol, z in Z.items():
        if symbol == "XLNEW":
            assert table.loc[symbol, "Parts of z"] == "–"
            continue
        parts = [float(part.split()[-1]) for part in table.loc[symbol, "Parts of z"].split(" · ")]
        assert len(parts) == 5
        assert sum(parts) == pytest.approx(z, abs=0.026), "five parts of two decimals"


def test_a_trader_without_equity_sees_no_size_and_one_with_it_does(filled: sa.Engine) -> None:
    page = opened(symbol="XLBUY")
    assert page.dataframe[0].value.set_index("Symbol")["Shares"].isna().all()
    equity, percent, atr = page.number_input
    equity.set_value(50_000.0)
    percent.set_value(2.0)
    atr.set_value(1.5)
    page.button[0].click().run()
    table = page.dataframe[0].value.set_index("Symbol")
    # 1.5 ATR of 2 USD are 3 USD a share; 2 % of 50,000 are 1,000.
    assert table.loc["XLBUY", "Shares"] == 333
    assert table.loc["XLBUY", "Stop"] == close_of("XLBUY", SESSION) - 3
    assert table.loc["XLSELL", "Stop"] == close_of("XLSELL", SESSION) + 3
    assert table["Shares"].drop(["XLBUY", "XLSELL"]).isna().all()
    with filled.connect() as connection:
        assert users.settings(connection, "local") == users.Settings(50_000.0, 0.02, 1.5)


@pytest.mark.usefixtures("filled")
def test_history_and_edge_open_from_the_address() -> None:
    assert len(opened(symbol="XLBUY", section="History").get("vega_lite_chart")) == 2
    edge = opened(symbol="XLBUY", section="Edge")
    returns = edge.dataframe[1].value
    assert returns["Returns"].tolist() == ["After the rule", "Of these not overlapping", "After any session"]
    assert "effective n" in told(edge)
    assert "its history is too short" in told(opened(symbol="XLNEW", section="History"))


@pytest.mark.usefixtures("filled")
def test_nonsense_in_the_address_is_as_if_it_were_not_there() -> None:
    page = opened(horizon="90D", section="Nonsense", symbol="AAPL; DROP TABLE x")
    assert [group.value for group in page.button_group[1:]] == ["60D", "Summary"]
    assert "no watched name" in told(page)


@pytest.mark.usefixtures("filled")
def test_a_wrong_rule_is_told_at_its_character() -> None:
    page = opened(symbol="XLBUY", section="Edge")
    page.text_input[0].set_value("zzz < 1").run()
    assert not page.exception
    assert "Character 1" in page.error[0].value
    assert page.code[0].value.splitlines()[-1].strip() == "^"


def test_without_features_the_page_says_what_to_run(panel: sa.Engine) -> None:
    names(panel, "AAPL")
    assert "kapman materialize --select etf_features" in told(opened())
