"""The panel's entry: what stands around every page. Streamlit runs this file at each visit and click."""

from pathlib import Path

import sqlalchemy as sa
import streamlit as st

from kapman_ui import database, layout, user
from kapman_ui.queries import common

_VIEWS = Path(__file__).parent / "views"
_NEWS_SECONDS = 20
_RETRY_SECONDS = 3

_PAGES = {
    "Decide": [
        ("today", "Today", "today"),
        ("recommendations", "Recommendations", "lightbulb"),
        ("alerts", "Alerts", "notifications"),
    ],
    "Look": [
        ("wyckoff", "Wyckoff", "candlestick_chart"),
        ("dealers", "Dealers & volatility", "stacked_line_chart"),
        ("etf", "ETF panel", "grid_view"),
        ("screener", "Screener", "filter_alt"),
    ],
    "Trust": [
        ("accuracy", "Accuracy", "target"),
        ("data", "Data", "database"),
    ],
    "Own": [
        ("portfolios", "Portfolios", "folder_special"),
    ],
}
"""Pages by section: file and path in the address, title, icon."""


def _pages() -> dict[str, list[st.Page]]:
    return {
        section: [
            st.Page(
                _VIEWS / f"{name}.py",
                title=title,
                icon=f":material/{icon}:",
                url_path=name,
                default=name == "today",
            )
            for name, title, icon in pages
        ]
        for section, pages in _PAGES.items()
    }


@st.fragment(run_every=_NEWS_SECONDS)
def _follow_runs() -> None:
    """Run the page anew when a table has changed since it was drawn."""
    try:
        state = database.table_state()
    except sa.exc.OperationalError:
        # Here it would be shown as an error of this fragment; the whole page knows what to do.
        st.rerun()
    if state != st.session_state["drawn_at"]:
        st.session_state[layout.IS_NEWS] = True
        st.rerun()


@st.fragment(run_every=_RETRY_SECONDS)
def _wait_for_database() -> None:
    """Say that the database is away, and show the page again as soon as it is back."""
    try:
        with database.engine().connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.OperationalError:
        st.error(
            "**The database does not answer.** This page comes back by itself; if it does not, ask `kapman doctor`.",
            icon=":material/cloud_off:",
        )
    else:
        st.rerun()


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="Kapman", page_icon="📈", layout="wide")
    user.require_login()
    page = st.navigation(_pages())
    try:
        # Before anything is read: what the user has just written is in it, and would else be news at the page's end.
        st.session_state["drawn_at"] = database.table_state()
        layout.market_banner(database.fetch(common.freshness).kind)
        page.run()
        st.session_state[layout.IS_NEWS] = False
        _follow_runs()
    except sa.exc.OperationalError:
        _wait_for_database()


main()
