"""The panel on the recorded market: every page opens whole and says how old it is; its numbers are those of the files.

What is expected is calculated here from the files beside the checkout, by the formulas of the trade.
"""

import csv
import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from scipy.stats import norm

from benchmarks.browsing import VIEWS
from kapman_resources.embedded import EmbeddedPostgres
from tests.browser import recorded_market
from tests.browser.conftest import Site, Visitor, Visitors, new_environment, serve_site
from tests.browser.recorded_market import BARS, CHAINS, CLOSE, LATE, WATCHED, WITH_CHAINS
from tests.browser.test_pages import DESK, PHONE, exceptions, require_fit, violations
from tests.browser.test_values import downloaded, table_csv
from tests.conftest import PROJECT, open_directory

pytestmark = pytest.mark.real_data

TODAY_IS_LATER = "These are the numbers of Friday, 21 August 2026."
WITHOUT_NUMBERS = {"portfolios"}
"""Pages that show nothing of a session."""

CALCULATED_WRONG = re.compile(r"\b(nan|inf|infinity|nat|undefined)\b", re.IGNORECASE)
CELLS = "[data-testid=stMain] :is(td, p, [data-testid=stMetricValue])"
"""Texts, and the cells of tables, which are drawn and told beside the picture as they were sent."""

RATE = 0.036
CONTRACT = re.compile(r"(BUY|SELL) 1 (\S+) (\d+ \w+ \d{4}) ([\d.]+) (call|put) @ ([\d.]+)")


@pytest.fixture(scope="package")
def recorded_site(real_data: Path, postgres: EmbeddedPostgres, template: str) -> Iterator[Site]:
    """The panel on the recorded market."""
    home = open_directory()
    told = recorded_market.environment(real_data, home)
    environment = new_environment(postgres, template, "browser_recorded", home) | told
    command = [sys.executable, "-m", "tests.browser.recorded_market", str(real_data), str(home)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    yield from serve_site(postgres, "browser_recorded", environment, home)


def require_whole(visitor: Visitor, view: str) -> None:
    """The open page is sound: nothing broke, nothing is unreadable, nothing pretends to be of today or to be known."""
    page = visitor.page
    assert exceptions(page) == []
    require_fit(page)
    expect(page.get_by_text("Recorded market.")).to_be_visible()
    if view not in WITHOUT_NUMBERS:
        stale = page.get_by_test_id("stAlert").filter(has_text=TODAY_IS_LATER)
        expect(stale).to_be_visible()
        # There is no such session to materialise.
        expect(stale).not_to_contain_text("kapman materialize")
    for table in page.get_by_test_id("stDataFrame").all():
        if table.is_visible():
            table.locator("td").first.wait_for(state="attached")
    texts = page.locator(CELLS).all_text_contents()
    assert len(texts) > 3
    assert [text for text in texts if CALCULATED_WRONG.search(text) or text.strip() == "None"] == []
    assert violations(page) == []
    assert visitor.complaints == []


@cache
def day_file(real_data: Path, session: date) -> dict[str, dict[str, str]]:
    """The sound rows of a session's file by symbol."""
    name = f"us_stocks_sip/day_aggs_v1/{session:%Y/%m}/{session}.csv.gz"
    with gzip.open(real_data / BARS / name, "rt", newline="") as text:
        return {row["ticker"]: row for row in csv.DictReader(text) if float(row["volume"]) > 0}


def recorded_chain(real_data: Path, symbol: str) -> pd.DataFrame:
    """The contracts that Kapman asks for: up to 120 days, strikes from half the price to half as much again."""
    rows = pd.read_parquet(real_data / CHAINS, filters=[("underlying", "==", symbol)])
    rows["dte"] = (pd.to_datetime(rows["expiration"]) - pd.Timestamp(CLOSE)).dt.days
    spot = rows["underlying_price"]
    return rows[rows["dte"].between(1, 120) & rows["strike"].between(0.5 * spot, 1.5 * spot)]


def gamma_exposure(chain: pd.DataFrame) -> pd.Series:
    """USD of hedge per 1 % by contract, calls above zero; what the vendor lacks is by Black and Scholes."""
    spot, years = chain["underlying_price"], chain["dte"] / 365
    deviation = chain["iv"].where(chain["iv"] > 0) * np.sqrt(years)
    d1 = (np.log(spot / chain["strike"]) + RATE * years) / deviation + deviation / 2
    gamma = chain["gamma"].where(chain["gamma"] > 0, norm.pdf(d1) / (spot * deviation))
    sign = np.where(chain["type"] == "call", 1, -1)
    return sign * gamma * chain["open_interest"] * 100 * spot**2 * 0.01


def wall(chain: pd.DataFrame, side: str) -> float:
    """The strike within a quarter of the price that holds the most gamma of a side, up to 60 days."""
    near = (chain["strike"] / chain["underlying_price"] - 1).abs() <= 0.25
    held = gamma_exposure(chain).abs()[near & (chain["dte"] <= 60) & (chain["type"] == side)]
    return float(held.groupby(chain["strike"]).sum().idxmax())


def volatility_at_30_days(chain: pd.DataFrame) -> float:
    """At the money, between the two expiries around 30 days linear in total variance; decimal a year."""
    spot = chain["underlying_price"].iloc[0]
    variances = {}
    for dte, rows in chain[chain["iv"].between(0.01, 5)].groupby("dte"):
        by_strike = rows.groupby("strike")["iv"].mean()
        around = [by_strike.index[by_strike.index <= spot].max(), by_strike.index[by_strike.index >= spot].min()]
        variances[dte] = np.interp(spot, around, by_strike[around]) ** 2 * dte
    return float(np.sqrt(np.interp(30, list(variances), list(variances.values())) / 30))


def put_over_call(chain: pd.DataFrame, column: str) -> float:
    sums = chain.groupby("type")[column].sum()
    return float(sums["put"] / sums["call"])


def figure(page: Page, title: str) -> str:
    """What stands under a figure's title."""
    label = page.get_by_test_id("stMetricLabel").filter(has=page.get_by_text(title, exact=True))
    metric = page.get_by_test_id("stMetric").filter(has=label)
    return metric.get_by_test_id("stMetricValue").inner_text()


def big_money(value: float) -> str:
    size, unit = next((size, unit) for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")) if abs(value) >= size)
    return f"{'-' if value < 0 else ''}${abs(value) / size:,.1f} {unit}"


@pytest.mark.parametrize("view", sorted({*VIEWS} - {"data", "dealers", "etf", "recommendations", "today", "wyckoff"}))
def test_a_page_opens_whole(recorded_site: Site, visitor: Visitor, view: str) -> None:
    visitor.open(recorded_site.panel.url(view))
    require_whole(visitor, view)


@pytest.mark.parametrize(("symbol", "width", "scheme"), [("AAPL", DESK, "light"), ("NVDA", PHONE, "dark")])
def test_exposure_and_volatility_are_those_of_the_recorded_chain(
    recorded_site: Site, visitors: Visitors, real_data: Path, symbol: str, width: int, scheme: str
) -> None:
    visitor = visitors.new(width=width, scheme=scheme)
    page = visitor.open(recorded_site.panel.url("dealers", f"symbol={symbol}&section=Volatility"))
    require_whole(visitor, "dealers")
    # Nobody recorded what it is called.
    expect(page.get_by_role("heading", name=symbol, exact=True)).to_be_visible()
    chain = recorded_chain(real_data, symbol)
    exposure = gamma_exposure(chain)
    assert figure(page, "Net GEX per 1 %") == big_money(exposure.sum())
    assert figure(page, "Gross GEX per 1 %") == big_money(exposure.abs().sum())
    assert figure(page, "Call wall") == f"${wall(chain, 'call'):,.2f}"
    assert figure(page, "Put wall") == f"${wall(chain, 'put'):,.2f}"
    assert figure(page, "Spot") == f"${float(day_file(real_data, CLOSE)[symbol]['close']):,.2f}"
    assert figure(page, "IV 30 days") == f"{100 * volatility_at_30_days(chain):.1f} %"
    assert figure(page, "Put/call OI") == f"{put_over_call(chain, 'open_interest'):.2f}"
    assert figure(page, "Put/call volume") == f"{put_over_call(chain, 'volume'):.2f}"
    page.get_by_role("radio", name="Chain").click()
    facts = page.get_by_test_id("stDataFrame").filter(has_text="Open interest counted")
    told = {row["What"]: row["Value"] for row in table_csv(page, facts)}
    assert told["Open interest"] == f"{chain['open_interest'].sum():,.0f} contracts"
    assert told["Chain"] == "COMPLETE"


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_closes_of_the_etf_panel_are_those_of_the_day_files(
    recorded_site: Site, visitors: Visitors, real_data: Path, width: int, scheme: str
) -> None:
    visitor = visitors.new(width=width, scheme=scheme)
    page = visitor.open(recorded_site.panel.url("etf", "symbol=XLE"))
    require_whole(visitor, "etf")
    now, then = (day_file(real_data, session) for session in (CLOSE, recorded_market.BEFORE))
    change = float(now["XLE"]["close"]) / float(then["XLE"]["close"]) - 1
    assert figure(page, "Close") == f"${float(now['XLE']['close']):,.2f}"
    assert figure(page, "Day") == f"{100 * change:.2f} %"
    rows = pd.read_csv(downloaded(page, page.get_by_role("button", name="CSV", exact=True)), index_col="symbol")
    assert len(rows) == 12
    for symbol, row in rows.iterrows():
        close = float(now[str(symbol)]["close"])
        assert row["close"] == pytest.approx(close, rel=1e-12)
        assert row["change"] == pytest.approx(close / float(then[str(symbol)]["close"]) - 1, abs=1e-12)
        assert row["close_date"] == str(CLOSE)


def test_candles_end_in_the_last_recorded_bar(recorded_site: Site, visitor: Visitor, real_data: Path) -> None:
    page = visitor.open(recorded_site.panel.url("wyckoff", "symbol=AAPL"))
    require_whole(visitor, "wyckoff")
    files = sorted((real_data / BARS).rglob("*.csv.gz"))
    bars = sum("AAPL" in day_file(real_data, date.fromisoformat(path.name[:10])) for path in files)
    close = round(float(day_file(real_data, CLOSE)["AAPL"]["close"]), 4)
    label = f"AAPL-wyckoff: {bars} bars to {CLOSE}, close {close:g}"
    expect(page.locator(".candles")).to_have_attribute("aria-label", label)


def test_the_data_page_counts_what_the_files_hold(recorded_site: Site, visitor: Visitor, real_data: Path) -> None:
    page = visitor.open(recorded_site.panel.url("data"))
    require_whole(visitor, "data")
    shown = {row["Asset"]: row for row in table_csv(page, page.get_by_test_id("stDataFrame").first)}
    bars, followed = day_file(real_data, CLOSE), {*WATCHED, LATE}
    expected = {
        "ohlcv": len(bars),
        "universe_technicals": len(bars),
        # Twelve names in three horizons.
        "etf_features": 36,
        "options_chain_status": len(followed),
        "dealer_metrics": len(WITH_CHAINS),
        "technical_indicators": len(followed & bars.keys()),
        "wyckoff_phases": len(followed & bars.keys()),
        "daily_snapshots": len(followed),
    }
    assert {table: int(shown[table]["Rows in it"]) for table in expected} == expected
    assert {shown[table]["Newest session"][:10] for table in expected} == {str(CLOSE)}
    assert all(int(shown[table]["Sessions behind"]) > 0 for table in expected)
    page.get_by_role("tab", name="Chains").click()
    doubtful = table_csv(page, page.get_by_test_id("stDataFrame").filter(has_text="FAILED"))
    assert {row["symbol"] for row in doubtful} == followed - {*WITH_CHAINS}


def contracts_told(page: Page) -> list[tuple[str, str, date, float, str, float]]:
    """Every contract in the blocks of a page: side, symbol, expiry, strike, type, price."""
    lines = "\n".join(page.get_by_test_id("stCode").all_inner_texts())
    return [
        (side, symbol, pd.Timestamp(expiry).date(), float(strike), kind, float(price))
        for side, symbol, expiry, strike, kind, price in CONTRACT.findall(lines)
    ]


@pytest.mark.parametrize(
    ("view", "query", "width", "scheme"),
    [("today", "", PHONE, "dark"), ("recommendations", f"id={LATE}-{CLOSE}", DESK, "light")],
)
def test_advice_names_recorded_contracts_at_their_quotes(
    recorded_site: Site, visitors: Visitors, real_data: Path, view: str, query: str, width: int, scheme: str
) -> None:
    visitor = visitors.new(width=width, scheme=scheme)
    page = visitor.open(recorded_site.panel.url(view, query))
    require_whole(visitor, view)
    told = contracts_told(page)
    assert {symbol for _, symbol, *_ in told} == {LATE}
    chain = recorded_chain(real_data, LATE)
    chain = chain.set_index([pd.to_datetime(chain["expiration"]).dt.date, "strike", "type"])
    paid = 0.0
    for side, _, expiry, strike, kind, price in told:
        assert (expiry, strike, kind) in chain.index
        quote = chain.loc[expiry, strike, kind]
        middle = (quote["bid"] + quote["ask"]) / 2
        assert price == pytest.approx(middle, abs=0.0051)
        assert quote["open_interest"] > 0
        paid += middle if side == "BUY" else -middle
    close = float(day_file(real_data, CLOSE)[LATE]["close"])
    main = page.get_by_test_id("stMain")
    for amount in (paid, close):
        expect(main).to_contain_text(f"${amount:,.2f}")
