"""Takes the pictures of the README from a running Dagster: `python docs/pictures.py [address]`.

Needs a Chromium (`CHROMIUM`, default /usr/bin/chromium) and `kapman up` in another terminal.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PAGES = {
    "asset-graph.png": "/locations/kapman/asset-groups/market/lineage",
    "options-graph.png": "/locations/kapman/asset-groups/options/lineage",
    "decisions-graph.png": "/locations/kapman/asset-groups/decisions/lineage",
    "ohlcv-partitions.png": "/assets/ohlcv?view=partitions",
    "ohlcv-checks.png": "/assets/ohlcv?view=checks",
}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def take(page: Page, address: str, name: str, path: str) -> None:
    """Open one page, wait until it is still, and write its picture."""
    page.goto(address + path, wait_until="domcontentloaded")
    page.wait_for_timeout(9000)
    for label in ("Dismiss", "Close", "Skip"):
        for button in page.get_by_role("button", name=label, exact=True).all():
            button.click()
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / name)


def main(address: str) -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=_FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 860})
        tall = browser.new_page(viewport={"width": 1500, "height": 1350})
        for name, path in PAGES.items():
            # A graph is scaled to the page no further than it can be read.
            take(tall if path.endswith("lineage") else page, address, name, path)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:3000")
