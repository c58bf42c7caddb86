"""What a trader waits for: each page of the panel in a headless Chromium, a click, and memory over many reloads.

Measured on the warehouse of the evening (`day`): a market of real size with its watchlist. What it holds is told in the
size of each row.
"""

import re
import time
from collections.abc import Sequence
from statistics import median

import psutil
import sqlalchemy as sa
from playwright.sync_api import Page, sync_playwright

from benchmarks import day
from benchmarks.browsing import PATIENCE, VIEWS, Panel, await_whole, chromium, first_content, launch, serve
from benchmarks.laboratory import FULL, Laboratory
from benchmarks.report import Row, timed
from benchmarks.statements import StatementLog, logged
from kapman_assets.cli.environment import upgrade_warehouse
from kapman_resources import embedded

_CLICKED, _RELOADED = "wyckoff", "wyckoff"
_WARM = 20
"""Reloads before memory is looked at for the first time."""

_FLAT = 1.05
"""Memory at the end over that after the first reloads, up to which it counts as flat."""

_SIZE = sa.text("""
    SELECT (SELECT count(*) FROM ohlcv WHERE date = (SELECT max(date) FROM ohlcv_sessions)) AS symbols,
           (SELECT count(*) FROM ohlcv_sessions) AS sessions,
           (SELECT count(DISTINCT date) FROM options_chain_status) AS chain_sessions,
           (SELECT count(*) FROM daily_snapshots WHERE date = (SELECT max(date) FROM daily_snapshots)) AS watched
""")


def measure(laboratory: Laboratory) -> list[Row]:
    """Every page, a click and 200 reloads; one row that says why, where there is nothing to look at."""
    is_full = laboratory.sizes == FULL
    loads, reloads = (10, 200) if is_full else (2, 2 * _WARM)
    market = day.load(laboratory).market
    # The views, and the rights of the panel's role.
    upgrade_warehouse(laboratory.url(day.WAREHOUSE))
    with laboratory.engine(day.WAREHOUSE) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))
        held = connection.execute(_SIZE).one()
        symbols = connection.scalars(sa.text("SELECT symbol FROM v_latest_snapshots ORDER BY symbol LIMIT 20")).all()
    executable = chromium()
    if executable is None:
        return [Row(what="the trader panel", size="not measured", note="there is no Chromium")]
    size = f"{held.symbols:,} x {held.sessions}, {held.watched} x {held.chain_sessions} chains"
    environment = laboratory.environment(day.WAREHOUSE, market) | {
        "KAPMAN_HOME": str(laboratory.home),
        "DATABASE_URL": laboratory.url(day.WAREHOUSE),
        "DAGSTER_DATABASE_URL": laboratory.url(embedded.DAGSTER),
    }
    rows = []
    with serve(environment, laboratory.home / "panel.log") as panel, sync_playwright() as playwright:
        browser = launch(playwright, executable)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        log = laboratory.home / "postgres" / "log"
        with logged(laboratory.url(day.WAREHOUSE), log, day.WAREHOUSE) as statements:
            asked = {view: _asked(page, panel, view, statements) for view in VIEWS}
        for view in VIEWS:
            rows += _page(page, panel, view, loads, f"{size}; {asked[view]}")
        rows.append(_click(page, panel, symbols[: loads + 1], size))
        rows.append(_reloads(page, panel, reloads, size))
        browser.close()
    return rows


def _asked(page: Page, panel: Panel, view: str, statements: StatementLog) -> str:
    """How many statements the first load of a page asks, in words."""
    statements.restart()
    _load(page, panel.url(view))
    return f"{len(statements.reads())} statements"


def _load(page: Page, address: str) -> tuple[float, float]:
    """Seconds until the first content, and until the page is complete."""
    begun = time.perf_counter()
    page.goto(address, wait_until="commit", timeout=PATIENCE)
    first_content(page).wait_for(timeout=PATIENCE)
    first = time.perf_counter() - begun
    await_whole(page)
    return first, time.perf_counter() - begun


def _page(page: Page, panel: Panel, view: str, loads: int, size: str) -> list[Row]:
    taken = [_load(page, panel.url(view)) for _ in range(loads)]
    first, whole = ([pair[place] for pair in taken] for place in (0, 1))
    return [
        timed(f"panel: {view}, first content", size, first, max_seconds=1.0, note="headless Chromium, warm"),
        timed(f"panel: {view}, complete", size, whole, max_seconds=2.0),
    ]


def _click(page: Page, panel: Panel, symbols: Sequence[str], size: str) -> Row:
    """Another name is chosen, until its heading is there."""
    _load(page, panel.url(_CLICKED, f"symbol={symbols[0]}"))
    seconds = []
    for symbol in symbols[1:]:
        box = page.get_by_role("combobox", name="Symbol", exact=True)
        box.focus()
        # Typed: the list holds no more options than it shows.
        box.fill(symbol)
        option = page.get_by_role("option", name=symbol, exact=True)
        option.wait_for(timeout=PATIENCE)
        begun = time.perf_counter()
        option.click()
        page.get_by_role("heading", name=re.compile(rf"^{re.escape(symbol)} ·")).wait_for(timeout=PATIENCE)
        seconds.append(time.perf_counter() - begun)
        await_whole(page)
    return timed("panel: another name, click to heading", size, seconds, max_seconds=0.5)


def _reloads(page: Page, panel: Panel, reloads: int, size: str) -> Row:
    """Resident memory of the server after many reloads, over that after the first few."""
    server = psutil.Process(panel.pid)
    resident = []
    for _ in range(reloads):
        _load(page, panel.url(_RELOADED))
        resident.append(server.memory_info().rss)
    # What Python keeps for later moves from one reload to the next: medians of a stretch at each end.
    before, after = median(resident[_WARM // 2 : _WARM]), median(resident[-_WARM // 2 :])
    return Row(
        what=f"panel: memory over {reloads} reloads of one page",
        size=size,
        repetitions=reloads,
        peak_bytes=max(resident),
        reach=f"<= {_FLAT:g} x",
        met=after / before <= _FLAT,
        note=f"{after / before:.3f} x that after {_WARM} reloads",
    )
