"""Presets, chips and filters: what each leaves is what the database says, and the address keeps what was chosen."""

import re

from playwright.sync_api import Locator, Page, expect

from benchmarks.browsing import await_whole
from tests.browser.conftest import Site, Visitor, pick
from tests.browser.happenings import CHEAP, DEAR

GRID = """
    SELECT t.symbol FROM etf_features e JOIN tickers t USING (ticker_id)
    WHERE e.horizon = '60D' AND e.date = (SELECT max(date) FROM etf_features)
"""
PRESETS = {
    "all": ("All", "ORDER BY t.symbol"),
    "strong": ("Strong BUY/SELL", "AND abs(e.composite_z) >= 1 ORDER BY e.composite_z"),
    "stretched": ("Most stretched", "ORDER BY abs(e.composite_z) DESC NULLS LAST"),
    "improving": ("Improving fastest", "ORDER BY e.dz5 DESC NULLS LAST"),
}
"""Of the ETF panel, by their word in the address: title, and which rows in which order."""

CHIPS = {
    "oversold": ("Oversold", "rsi_14 < 30"),
    "overbought": ("Overbought", "rsi_14 > 70"),
    "uptrend": ("Uptrend", "close > sma_50 AND sma_50 > sma_200"),
    "downtrend": ("Downtrend", "close < sma_50 AND sma_50 < sma_200"),
    "trending": ("Strong trend", "adx_14 > 25"),
    "macd": ("MACD above signal", "macd_line > macd_signal"),
    "high": ("Near 52-week high", "high_52w_distance > -0.03"),
    "low": ("Near 52-week low", "low_52w_distance < 0.05"),
    "surge": ("Volume surge", "rvol_20 > 2 AND vsi_20 > 2"),
    "accumulation": ("Accumulation", "obv_slope_10 > 0 AND mfi_14 > 50"),
    "squeeze": ("Squeeze", "bbands_width < 5"),
    "liquid": ("Liquid", "dollar_volume_20 > 10000000 AND close > 5"),
}
"""Of the Screener, by their word in the address: title, and which names fit."""

ADVICE = """
    SELECT count(*) AS many FROM recommendations r
    LEFT JOIN recommendation_outcomes o ON (o.issued, o.ticker_id) = (r.date, r.ticker_id)
"""


def symbols(page: Page) -> Locator:
    """The first column of the page's first table, as a screen reader finds it in the canvas."""
    return page.get_by_test_id("stDataFrame").first.locator("td[aria-colindex='1']")


def test_every_preset_of_the_etf_panel(market_site: Site, visitor: Visitor) -> None:
    expected = {
        preset: [row["symbol"] for row in market_site.rows(GRID + order)] for preset, (_, order) in PRESETS.items()
    }
    # Each can be told from the others.
    assert len({tuple(rows) for rows in expected.values()}) == len(PRESETS)
    assert {CHEAP, DEAR} <= set(expected["strong"])
    page = visitor.open(market_site.panel.url("etf", "preset=stretched"))
    chips = page.get_by_role("radiogroup", name="Preset")
    assert chips.get_by_role("radio").all_inner_texts() == [title for title, _ in PRESETS.values()]
    expect(chips.get_by_role("radio", name="Most stretched")).to_be_checked()
    expect(symbols(page)).to_have_text(expected["stretched"])
    for preset, (title, _) in PRESETS.items():
        chips.get_by_role("radio", name=title, exact=True).click()
        expect(symbols(page)).to_have_text(expected[preset])
        page.wait_for_url(f"**preset={preset}*")
    assert visitor.complaints == []


def test_every_chip_of_the_screener(market_site: Site, visitor: Visitor) -> None:
    counts = ", ".join(f"count(*) FILTER (WHERE {sql}) AS {chip}" for chip, (_, sql) in CHIPS.items())
    newest = "FROM universe_technicals WHERE date = (SELECT max(date) FROM universe_technicals)"
    expected = market_site.rows(f"SELECT count(*) AS names, {counts} {newest}")[0]
    assert len(set(expected.values())) > 3
    page = visitor.open(market_site.panel.url("screener"))
    chips = page.get_by_role("toolbar", name="Conditions").get_by_role("button")
    assert chips.all_inner_texts() == [title for title, _ in CHIPS.values()]
    main = page.get_by_test_id("stMain")
    names = expected["names"]
    expect(main).to_contain_text(f"{names} of {names} names fit")
    for place, (chip, (_, sql)) in enumerate(CHIPS.items()):
        chips.nth(place).click()
        # The counts of those that were chosen before stay.
        expect(main).to_contain_text(re.compile(rf"{sql.replace(' AND ', ' and ')}: {expected[chip]}(?!\d)"))
        page.wait_for_url(f"**presets=*{chip}")
    every = " AND ".join(f"({sql})" for _, sql in CHIPS.values())
    fit = market_site.rows(f"SELECT count(*) AS many {newest} AND {every}")[0]["many"]
    expect(main).to_contain_text(re.compile(rf"(?<!\d){fit} of {names} names fit"))

    # Two of them by the address alone.
    page.goto(market_site.panel.url("screener", "presets=macd,liquid"))
    await_whole(page)
    both = market_site.rows(
        f"SELECT t.symbol FROM universe_technicals JOIN tickers t USING (ticker_id) "
        f"WHERE date = (SELECT max(date) FROM universe_technicals) AND {CHIPS['macd'][1]} AND {CHIPS['liquid'][1]} "
        "ORDER BY dollar_volume_20 DESC LIMIT 5"
    )
    assert both
    for place, row in enumerate(both):
        expect(symbols(page).nth(place)).to_have_text(row["symbol"])
    assert visitor.complaints == []


def test_recommendations_by_direction_status_and_strategy(market_site: Site, visitor: Visitor) -> None:
    said = market_site.rows(ADVICE)[0]["many"]

    def require(condition: str) -> None:
        left = market_site.rows(f"{ADVICE} WHERE {condition}")[0]["many"]
        assert 0 < left < said
        expect(page.get_by_text(re.compile(rf"^{left} of {said}\."))).to_be_visible()

    page = visitor.open(market_site.panel.url("recommendations"))

    def chip(group: str, name: str) -> None:
        page.get_by_role("toolbar", name=group).get_by_role("button", name=name, exact=True).click()

    chip("Direction", "SHORT")
    require("r.direction = 'SHORT'")
    chip("Direction", "LONG")
    require("r.direction IN ('SHORT', 'LONG')")
    chip("Status", "WIN")
    require("r.direction IN ('SHORT', 'LONG') AND o.outcome_status = 'WIN'")
    chip("Status", "OPEN")
    require("r.direction IN ('SHORT', 'LONG') AND coalesce(o.outcome_status, 'OPEN') IN ('WIN', 'OPEN')")
    pick(page, page.get_by_role("combobox", name="Strategy or action"), "LONG_CALL")
    whole = (
        "r.direction IN ('SHORT', 'LONG') AND coalesce(o.outcome_status, 'OPEN') IN ('WIN', 'OPEN') "
        "AND r.strategy = 'LONG_CALL'"
    )
    require(whole)
    page.wait_for_url("**LONG_CALL*")
    # The address is all that somebody else needs.
    page.reload()
    await_whole(page)
    require(whole)
    assert visitor.complaints == []


def test_alerts_by_priority_and_kind(market_site: Site, visitor: Visitor) -> None:
    total = market_site.rows("SELECT count(*) AS many FROM alerts")[0]["many"]

    def require(condition: str) -> None:
        left = market_site.rows(f"SELECT count(*) AS many FROM alerts WHERE {condition}")[0]["many"]
        assert 0 < left < total
        expect(page.get_by_text(f"{left} alerts.", exact=True)).to_be_visible()

    page = visitor.open(market_site.panel.url("alerts"))

    def chip(group: str, name: str) -> None:
        page.get_by_role("toolbar", name=group).get_by_role("button", name=name, exact=True).click()

    chip("Priority", "CRITICAL")
    require("priority = 'CRITICAL'")
    chip("Priority", "MEDIUM")
    require("priority IN ('CRITICAL', 'MEDIUM')")
    chip("Kind", "rule")
    require("priority IN ('CRITICAL', 'MEDIUM') AND kind = 'rule'")
    page.wait_for_url("**kind=rule*")
    page.reload()
    await_whole(page)
    require("priority IN ('CRITICAL', 'MEDIUM') AND kind = 'rule'")
    assert visitor.complaints == []
