"""Every file that a page gives away, opened: rows are the database's, pictures show something.

The tables and the candles of Wyckoff and Data are in `test_values`, a portfolio's file in `test_portfolios`.
"""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browsing import await_whole
from kapman_resources.schema import etf_features, universe_technicals
from tests.browser.conftest import Site, Visitor
from tests.browser.happenings import CHEAP, DEAR, EXIT, LONG, LOST, WON
from tests.browser.test_values import downloaded, require_picture

IDENTITY = ["symbol", "name", "sector", "type"]


def file_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def own_csv(page: Page) -> list[dict[str, str]]:
    """The file of the page's own button; each row under a head."""
    return file_rows(downloaded(page, page.get_by_role("button", name="CSV", exact=True)))


def kept(page: Page, button: Locator) -> Path:
    """What a button above a table or a chart gives away; they stand there while the mouse or the focus does."""
    button.focus()
    with page.expect_download() as download:
        button.press("Enter")
    return Path(download.value.path())


def page_table(page: Page, place: int = 0) -> list[dict[str, str]]:
    """The rows of one of the page's tables, as its own button downloads them."""
    return file_rows(kept(page, page.get_by_role("button", name="Download as CSV").nth(place)))


def require_pictures(page: Page, count: int) -> None:
    """So many charts stand on the page, and each can be kept as a picture."""
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(count)
    await_whole(page)
    buttons = page.get_by_role("button", name="Download as PNG")
    expect(buttons).to_have_count(count)
    for button in buttons.all():
        require_picture(kept(page, button), width=250, height=100)


def near(text: str, value: float | None) -> bool:
    """Whether a cell holds a number, or nothing where it is unknown."""
    return text == "" if value is None else float(text) == pytest.approx(value, rel=1e-9)


def number_columns(table: object) -> list[str]:
    return [column.name for column in table.columns if column.type.python_type in (float, int)]  # type: ignore[attr-defined]


def test_the_etf_panel(market_site: Site, visitor: Visitor) -> None:
    stored = {
        row["symbol"]: row
        for row in market_site.rows("""
            SELECT t.symbol, t.name AS fund, e.*,
                (SELECT o.close FROM v_ohlcv_adjusted o WHERE o.symbol = t.symbol AND o.date = e.date) AS close
            FROM etf_features e JOIN tickers t USING (ticker_id)
            WHERE e.horizon = '60D' AND e.date = (SELECT max(date) FROM etf_features)""")
    }
    trader = market_site.rows("SELECT * FROM user_settings WHERE user_id = 'local'")[0]
    page = visitor.open(market_site.panel.url("etf"))
    rows = own_csv(page)
    assert [row["symbol"] for row in rows] == sorted(stored)
    features = [name for name in number_columns(etf_features) if name != "ticker_id"]
    told = ["symbol", "name", "signal", "close", "liquidity", *features, "stop", "shares", "reward_to_risk"]
    assert set(told) <= rows[0].keys()
    for row in rows:
        known = stored[row["symbol"]]
        assert row["name"] == known["fund"]
        assert [name for name in ["close", *features] if not near(row[name], known[name])] == []
        z = known["composite_z"]
        side = 1 if z <= -1 else -1 if z >= 1 else 0
        assert row["signal"] == {1: "BUY", -1: "SELL", 0: "HOLD"}[side]
        if not side:
            assert (row["stop"], row["shares"]) == ("", "")
            continue
        distance = trader["stop_atr"] * known["atr14"]
        assert near(row["stop"], known["close"] - side * distance)
        # Rounded to whole shares.
        assert abs(int(row["shares"]) * distance - trader["equity"] * trader["risk_fraction"]) <= distance / 2
    assert {row["symbol"]: row["signal"] for row in rows}.items() >= {CHEAP: "BUY", DEAR: "SELL"}.items()
    shown = page_table(page)
    assert [row["Symbol"] for row in shown] == sorted(stored)
    assert all(near(row["z"], stored[row["Symbol"]]["composite_z"]) for row in shown)
    require_pictures(page, 1)
    page.get_by_role("radio", name="History").click()
    require_pictures(page, 2)
    assert visitor.complaints == []


def test_the_screener(market_site: Site, visitor: Visitor) -> None:
    columns = [name for name in number_columns(universe_technicals) if name != "ticker_id"]
    stored = market_site.rows("""
        SELECT u.*, t.symbol, t.name, t.sector, t.type FROM universe_technicals u JOIN tickers t USING (ticker_id)
        WHERE u.date = (SELECT max(date) FROM universe_technicals) AND u.close > 5 AND u.dollar_volume_20 > 10000000
        ORDER BY u.close, t.symbol""")
    page = visitor.open(market_site.panel.url("screener", "presets=liquid&order=close&way=lowest"))
    rows = own_csv(page)
    assert list(rows[0]) == [*IDENTITY, *columns, "date"]
    assert len(rows) == len(stored) > 5
    for row, known in zip(rows, stored, strict=True):
        assert [name for name in columns if not near(row[name], known[name])] == []
        assert [row[name] for name in IDENTITY] == [known[name] or "" for name in IDENTITY]
        assert row["date"] == str(known["date"])
    assert [row["Symbol"] for row in page_table(page)] == [row["symbol"] for row in stored]
    assert visitor.complaints == []


def test_recommendations(market_site: Site, visitor: Visitor) -> None:
    stored = market_site.rows("""
        SELECT r.*, o.option_pnl AS result, o.exit_reason FROM recommendations r
        LEFT JOIN recommendation_outcomes o ON (o.issued, o.ticker_id) = (r.date, r.ticker_id)
        ORDER BY r.date DESC, r.symbol""")
    newest = next(row["date"] for row in stored if row["symbol"] == LONG)
    page = visitor.open(market_site.panel.url("recommendations", f"id={LONG}-{newest}"))
    files = own_csv(page), page_table(page)
    for rows in files:
        assert [(row["Symbol"], row["Said"][:10]) for row in rows] == [
            (row["symbol"], str(row["date"])) for row in stored
        ]
        for row, known in zip(rows, stored, strict=True):
            assert row["Direction"] == known["direction"]
            assert near(row["Confidence"], 100 * known["confidence"])
            assert near(row["Entry"], known["entry_price"])
            assert near(row["Stop"], known["stop_loss"])
            assert near(row["Target"], known["profit_target"])
            assert near(row["Options, a unit"], known["result"])
            assert row["By"] == (known["exit_reason"] or "")
    require_pictures(page, 1)
    assert visitor.complaints == []


def test_dealers(market_site: Site, visitor: Visitor) -> None:
    stored = {
        row["symbol"]: row
        for row in market_site.rows("""
            SELECT t.symbol, d.dgpi, d.spot, v.iv_30d FROM dealer_metrics d
            JOIN volatility_metrics v USING (date, ticker_id) JOIN tickers t USING (ticker_id)
            WHERE d.date = (SELECT max(date) FROM dealer_metrics)""")
    }
    page = visitor.open(market_site.panel.url("dealers", f"symbol={LONG}"))
    shown = page_table(page)
    assert {row["Symbol"] for row in shown} == stored.keys()
    for row in shown:
        known = stored[row["Symbol"]]
        assert near(row["DGPI"], known["dgpi"])
        assert near(row["Spot"], known["spot"])
        assert near(row["IV 30d"], 100 * known["iv_30d"])
    require_pictures(page, 2)
    page.get_by_role("radio", name="Volatility").click()
    expect(page.get_by_text("Smile by expiry")).to_be_visible()
    await_whole(page)
    count = page.get_by_test_id("stVegaLiteChart").count()
    assert count > 3
    require_pictures(page, count)
    assert visitor.complaints == []


def test_accuracy(market_site: Site, visitor: Visitor) -> None:
    known = market_site.rows("""
        SELECT count(o.direction_correct) AS scored, avg(o.direction_correct::int) AS hit_rate,
            avg(o.directional_brier) AS brier, sum(o.option_pnl) AS result
        FROM recommendation_outcomes o JOIN recommendations r ON (r.date, r.ticker_id) = (o.issued, o.ticker_id)
        WHERE r.strategy = 'LONG_CALL'""")[0]
    page = visitor.open(market_site.panel.url("accuracy"))
    require_pictures(page, 3)
    row = next(row for row in page_table(page, 1) if row["Strategy"] == "LONG CALL")
    assert int(row["n"]) == known["scored"]
    assert near(row["Right"], 100 * float(known["hit_rate"]))
    assert near(row["Brier"], known["brier"])
    assert near(row["Options, sum"], known["result"])
    assert visitor.complaints == []


def test_today_and_alerts(market_site: Site, visitor: Visitor) -> None:
    alerts = market_site.rows("SELECT * FROM alerts")
    page = visitor.open(market_site.panel.url("today"))
    ended = next(rows for place in range(3) if "Ended" in (rows := page_table(page, place))[0])
    assert {row["Ended"] for row in ended} == {WON, LOST}
    page = visitor.open(market_site.panel.url("alerts"))
    shown = page_table(page)
    assert sorted(row["Message"] for row in shown) == sorted(row["message"] for row in alerts)
    sent = {row["What"]: row["Delivered"] for row in shown}
    assert sent[f"BC_CRITICAL {EXIT}"] == "chat: failed (the channel answered 503); mail: sent"
    assert visitor.complaints == []
