"""The panel's pages on a test's own warehouse."""

import functools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from kapman_ui import database


@pytest.fixture(scope="session", autouse=True)
def installed_components() -> Iterator[None]:
    """Look once for packages with components of Streamlit: each AppTest reads what all packages say of themselves."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


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
