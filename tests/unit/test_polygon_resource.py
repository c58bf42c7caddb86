"""What the asset graph gets from a configuration: whom to ask, the recorded chains, and the raw store."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kapman_resources.dagster_resources import PolygonResource
from kapman_resources.errors import ConfigurationError

SESSION = date(2026, 1, 2)
TAKEN = datetime(2026, 1, 2, 21, 20, tzinfo=UTC)
LIVE = "https://api.massive.com"


@pytest.mark.parametrize("by", ["field", "variable"])
def test_a_live_source_is_asked_and_has_no_recorded_chains(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "variable":
        monkeypatch.setenv("OPTIONS_URL", LIVE)
        monkeypatch.setenv("POLYGON_API_KEY", "key")
    polygon = PolygonResource(location=LIVE, api_key="key") if by == "field" else PolygonResource()

    assert polygon.is_live()
    assert repr(polygon.client()) == f"Polygon({LIVE})"
    assert polygon.chains_recorded() is None


def test_a_directory_holds_recorded_chains(tmp_path: Path) -> None:
    polygon = PolygonResource(location=str(tmp_path))
    recorded = polygon.chains_recorded()

    assert not polygon.is_live()
    assert recorded is not None
    recorded.begin(SESSION, "AAPL", TAKEN).add(b"{}")
    assert (tmp_path / "v3/snapshot/options/2026-01-02/AAPL").is_dir()
    with pytest.raises(ConfigurationError, match="OPTIONS_URL"):
        PolygonResource(location=str(tmp_path / "absent")).chains_recorded()


def test_a_configuration_without_a_source_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLATFILES_URL", str(tmp_path))
    polygon = PolygonResource()

    assert (polygon.source(), polygon.client(), polygon.chains_recorded()) == (None, None, None)
    assert not polygon.is_live()


def test_the_raw_store_is_at_home_or_where_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PolygonResource().raw().begin(SESSION, "AAPL", TAKEN).add(b"{}")
    assert (tmp_path / "home/raw/v3/snapshot/options/2026-01-02/AAPL").is_dir()

    monkeypatch.setenv("RAW_URL", "s3://raw/kapman")
    with pytest.raises(ConfigurationError, match="RAW_ACCESS_KEY_ID and RAW_SECRET_ACCESS_KEY not set"):
        PolygonResource().raw()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "shh")
    assert repr(PolygonResource().raw()) == "RawPages(s3://raw/kapman/v3/snapshot/options/)"
    assert str(tmp_path / "here") in repr(PolygonResource(raw_location=str(tmp_path / "here")).raw())
