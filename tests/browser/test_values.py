"""What stands on a page is what the database says, in the page and in what is downloaded from it."""

import csv
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, Visitor
from tests.browser.happenings import BC_SCORE, EXIT, FAILED_RUN

PNG = b"\x89PNG\r\n\x1a\n"


def downloaded(page: Page, button: Locator) -> Path:
    with page.expect_download() as download:
        button.click()
    return Path(download.value.path())


def table_csv(page: Page, table: Locator) -> list[dict[str, str]]:
    """A table's rows as its own button downloads them."""
    table.hover()
    path = downloaded(page, table.get_by_role("button", name="Download as CSV"))
    with path.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def require_picture(path: Path, *, width: int, height: int) -> None:
    """A file is a PNG of at least this size, in pixels, on which something is drawn."""
    assert path.read_bytes().startswith(PNG)
    with Image.open(path) as picture:
        picture.load()
        assert (picture.width >= width, picture.height >= height) == (True, True), picture.size
        colours = picture.convert("RGBA").getcolors(picture.width * picture.height)
    # Axes and letters alone have some.
    assert colours is not None
    assert len(colours) > 20


@pytest.fixture
def wyckoff(market_site: Site, visitor: Visitor) -> Iterator[Page]:
    yield visitor.open(market_site.panel.url("wyckoff", f"symbol={EXIT}"))
    assert visitor.complaints == []


def test_the_wyckoff_table_is_the_view(market_site: Site, wyckoff: Page) -> None:
    shown = table_csv(wyckoff, wyckoff.get_by_test_id("stDataFrame").first)
    stored = {row["symbol"]: row for row in market_site.rows("SELECT * FROM v_wyckoff_events")}
    assert {row["Symbol"] for row in shown} == stored.keys()
    assert len(shown) == len(stored) > 10
    # What asks for something comes first.
    assert shown[0]["Symbol"] == EXIT

    def text(value: object) -> str:
        return "" if value is None else str(value)

    for row in shown:
        event = stored[row["Symbol"]]
        assert row["Phase"] == text(event["wyckoff_phase"])
        assert row["Primary event"] == text(event["primary_event"])
        for column, name in (("BC", "bc_score"), ("Spring", "spring_score"), ("Days since", "days_since_event")):
            assert (float(row[column]) if row[column] else None) == event[name], (row["Symbol"], column)
        share = event["primary_event_confidence"]
        assert row["Confidence"] == "" if share is None else float(row["Confidence"]) == pytest.approx(100 * share)
    badges = {row["Symbol"]: row["Signal"] for row in shown}
    assert badges[EXIT] == "🔴 EXIT"
    assert [row["Symbol"] for row in shown if float(row["BC"] or 0) >= 24] == [EXIT]


def test_filters_choose_rows(market_site: Site, wyckoff: Page) -> None:
    sector = wyckoff.get_by_role("combobox", name="Sector")
    sector.click()
    wyckoff.get_by_role("option", name="Energy", exact=True).click()
    count = market_site.rows("""
        SELECT count(*) FILTER (WHERE t.sector = 'Energy') AS energy, count(*) AS names
        FROM v_wyckoff_events v JOIN tickers t USING (symbol)""")[0]
    expect(wyckoff.get_by_text(f"{count['energy']} of {count['names']} names")).to_be_visible()
    # The address can be kept and sent.
    assert parse_qs(urlsplit(wyckoff.url).query) == {"symbol": [EXIT], "sector": ["Energy"]}
    wyckoff.reload()
    expect(wyckoff.get_by_text(f"{count['energy']} of {count['names']} names")).to_be_visible()


def test_one_name_is_its_reading(market_site: Site, wyckoff: Page) -> None:
    reading = market_site.rows(
        "SELECT w.* FROM wyckoff_phases w JOIN tickers t USING (ticker_id) WHERE t.symbol = :symbol ORDER BY date DESC",
        symbol=EXIT,
    )[0]
    main = wyckoff.get_by_test_id("stMain")
    expect(main).to_contain_text(f"Regime {reading['regime']}, phase {reading['phase']}")
    wyckoff.get_by_role("tab", name="Scores").click()
    climax = wyckoff.get_by_test_id("stMetric").filter(has_text="Buying climax")
    expect(climax.get_by_test_id("stMetricValue")).to_have_text(str(BC_SCORE))


def test_the_candles_are_the_bars_and_can_be_kept(market_site: Site, wyckoff: Page) -> None:
    newest = market_site.rows(
        "SELECT count(*) OVER () AS bars, date, close FROM v_ohlcv_adjusted WHERE symbol = :symbol ORDER BY date DESC",
        symbol=EXIT,
    )[0]
    close = f"{newest['close']:.4f}".rstrip("0").rstrip(".")
    label = f"{EXIT}-wyckoff: {newest['bars']} bars to {newest['date']}, close {close}"
    expect(wyckoff.locator(".candles")).to_have_attribute("aria-label", label)
    picture = downloaded(wyckoff, wyckoff.get_by_role("button", name=f"Download the chart of {EXIT}-wyckoff as PNG"))
    require_picture(picture, width=600, height=300)


def test_the_data_page_counts_what_is_stored(market_site: Site, visitor: Visitor) -> None:
    page = visitor.open(market_site.panel.url("data"))
    shown = {row["Asset"]: row for row in table_csv(page, page.get_by_test_id("stDataFrame").first)}
    for table in ("ohlcv", "daily_snapshots", "options_chain_status", "etf_features", "alerts"):
        stored = market_site.rows(f"SELECT date, count(*) AS many FROM {table} GROUP BY date ORDER BY date DESC")[0]
        assert shown[table]["Newest session"].startswith(str(stored["date"])), table
        assert int(shown[table]["Rows in it"]) == stored["many"], table
    checks = page.get_by_test_id("stMetric").filter(has_text="Checks passed").get_by_test_id("stMetricValue")
    passed, _, asked = checks.inner_text().partition(" of ")
    assert 0 < int(passed) <= int(asked)
    page.get_by_role("tab", name="Failed runs").click()
    failed = table_csv(page, page.get_by_test_id("stDataFrame").last)
    assert [row["error"] for row in failed] == [FAILED_RUN]
