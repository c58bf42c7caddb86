"""With PANEL_AUTH=oidc nothing is shown before a login, and afterwards everyone has their own settings."""

from pathlib import Path

from playwright.sync_api import expect

from benchmarks.browsing import await_whole, free_port, serve
from tests.browser.conftest import Site, Visitor, Visitors
from tests.browser.identity import identity_provider

TRADER = "trader@example.com"


def test_a_login_shows_the_panel_with_ones_own_settings(market_site: Site, visitors: Visitors, tmp_path: Path) -> None:
    market_site.write("INSERT INTO user_settings (user_id, equity) VALUES (:user, 54321)", user=TRADER)
    port = free_port()
    with identity_provider(TRADER) as provider:
        secrets = tmp_path / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir()
        secrets.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "not a real one"\n'
            f'client_id = "{provider.client_id}"\nclient_secret = "{provider.client_secret}"\n'
            f'server_metadata_url = "{provider.metadata_url}"\n'
        )
        # Streamlit also looks in the home of the user.
        environment = market_site.environment | {"PANEL_AUTH": "oidc", "HOME": str(tmp_path)}
        with serve(environment, tmp_path / "panel.log", port=port) as panel:
            stranger = visitors.stranger()
            page = Visitor(stranger.new_page()).open(panel.url("today"))
            expect(page.get_by_role("button", name="Log in")).to_be_visible()
            assert page.get_by_text("Open recommendations").count() == 0
            assert page.get_by_test_id("stSidebarNav").count() == 0

            page.get_by_role("button", name="Log in").click()

            expect(page.get_by_role("heading", name="Today")).to_be_visible()
            await_whole(page)
            expect(page.get_by_text("Your account: $54,321")).to_be_visible()
            stranger.close()
