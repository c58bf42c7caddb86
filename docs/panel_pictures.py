"""Takes a picture of every page of a running panel: `python docs/panel_pictures.py [address] [page …]`.

Needs a Chromium (`CHROMIUM`, default /usr/bin/chromium), a font with emoji (Debian: fonts-noto-color-emoji), and
`kapman up` or `kapman panel` in another terminal.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).parent / "images"
VIEWS = sorted(path.stem for path in (Path(__file__).parents[1] / "kapman_ui" / "views").glob("[!_]*.py"))
FIRST = "today"
_PATIENCE = 60_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def take(page: Page, address: str, view: str) -> None:
    """Open one page, wait until it is complete, and write its picture."""
    page.goto(f"{address}/{'' if view == FIRST else view}", timeout=_PATIENCE)
    expect(page.locator("h1").first).to_be_visible(timeout=_PATIENCE)
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for(timeout=_PATIENCE)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=_PATIENCE)
    # Charts fade in, and fonts arrive when they like.
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(2000)
    page.screenshot(path=IMAGES / f"panel-{view}.png")


def main(address: str, views: list[str]) -> None:
    """Write the pictures, each at 1280 x 900 in the light theme."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=_FLAGS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        for view in views:
            take(page, address, view)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501", sys.argv[2:] or VIEWS)
