"""The panel's pages on a test's own warehouse."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import streamlit as st

from kapman_ui import database


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch, engine: sa.Engine, warehouse_url: str) -> Iterator[sa.Engine]:
    """A warehouse that the pages read: its engine as the owner, for a test to fill."""
    monkeypatch.setenv("DATABASE_URL", warehouse_url)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield engine
    database.engine().dispose()
    st.cache_data.clear()
    st.cache_resource.clear()
