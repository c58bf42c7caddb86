"""What happens while a page is open: the warehouse is written to, grows old, goes away and comes back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from psycopg import sql

from benchmarks.browsing import await_whole
from tests.browser.conftest import Site, Visitor
from tests.conftest import run_on

AWAY = "The database does not answer."


@contextmanager
def away(site: Site) -> Iterator[None]:
    """Nobody is let into the warehouse, and who is in it is thrown out."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    run_on(site.server, allow.format(sql.Identifier(site.warehouse), sql.SQL("false")))
    terminate = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    run_on(site.server, terminate.format(sql.Literal(site.warehouse)))
    try:
        yield
    finally:
        run_on(site.server, allow.format(sql.Identifier(site.warehouse), sql.SQL("true")))


# What stands around every page waits, not the page; Data also asks Dagster's storage.
@pytest.mark.parametrize("view", ["today", "data"])
def test_a_page_waits_for_its_database(market_site: Site, visitor: Visitor, view: str) -> None:
    page = visitor.page
    with away(market_site):
        page.goto(market_site.panel.url(view))
        expect(page.get_by_text(AWAY)).to_be_visible()
        assert page.locator("[data-testid=stException]").count() == 0
    # Nobody reloads it.
    expect(page.get_by_text(AWAY)).to_have_count(0)
    await_whole(page)
    assert page.locator("[data-testid=stException]").count() == 0


def test_an_open_page_survives_its_database(market_site: Site, visitor: Visitor) -> None:
    page = visitor.open(market_site.panel.url("wyckoff"))
    with away(market_site):
        # It asks from time to time whether there is news.
        expect(page.get_by_text(AWAY)).to_be_visible()
        assert page.locator("[data-testid=stException]").count() == 0
    expect(page.get_by_text(AWAY)).to_have_count(0)
    await_whole(page)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()


def test_what_another_process_writes_appears_and_an_old_session_is_called_old(
    market_site: Site, visitor: Visitor
) -> None:
    page = visitor.open(market_site.panel.url("wyckoff"))
    newest, before = (
        row["date"] for row in market_site.rows("SELECT DISTINCT date FROM daily_snapshots ORDER BY 1 DESC LIMIT 2")
    )
    with market_site.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE put_aside AS SELECT * FROM daily_snapshots")
    market_site.write("DELETE FROM daily_snapshots WHERE date = :newest", newest=newest)
    try:
        stale = page.get_by_test_id("stAlert").filter(has_text="These are the numbers of")
        expect(stale).to_contain_text(f"{before:%A, %d %B %Y}")
        expect(stale).to_contain_text("kapman materialize --session")
    finally:
        market_site.write("INSERT INTO daily_snapshots SELECT * FROM put_aside WHERE date = :newest", newest=newest)
        with market_site.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE put_aside")
    # And it is taken back as soon as the session is there.
    expect(stale).to_have_count(0)
