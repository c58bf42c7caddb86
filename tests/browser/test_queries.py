"""How much a page asks of its database when nothing of it has been asked before."""

from pathlib import Path

from benchmarks.browsing import VIEWS, serve
from benchmarks.statements import logged
from tests.browser.conftest import Site, Visitor

MOST, SHARED = 12, 2
"""Statements of a page; those among them that every page needs: the tables' state and how fresh they are."""


def test_no_page_asks_much(market_site: Site, visitor: Visitor, home: Path) -> None:
    server, warehouse = market_site.server, market_site.warehouse
    asked: dict[str, list[str]] = {}
    # A process of its own, whose caches are empty; what all pages share is asked by the first.
    with (
        serve(market_site.environment, home / "queries.log") as panel,
        logged(server.url("postgres"), server.data_dir / "log", warehouse) as statements,
    ):
        for view in VIEWS:
            statements.restart()
            visitor.open(panel.url(view))
            asked[view] = statements.reads()
    for view in VIEWS:
        assert len(asked[view]) + SHARED <= MOST, "\n".join([view, *asked[view]])
    # That statements are seen at all.
    assert any("v_wyckoff_events" in statement for statement in asked["wyckoff"])
