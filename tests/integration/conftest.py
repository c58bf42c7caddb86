"""Fixtures for tests that run the asset graph."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import build_defs
from kapman_assets.partitions import range_tags
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse

Materialize = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty directory of flat files."""
    root = tmp_path / "flatfiles"
    root.mkdir()
    return root


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of this test's own, in memory: on disk each event waits for it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def defs(engine: sa.Engine, files: Path, tmp_path: Path) -> dg.Definitions:
    """The graph on the test's warehouse, its flat files and, if the test makes them, its recorded REST pages."""
    return build_defs(
        resource_overrides={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": FlatFilesResource(location=str(files)),
            "polygon": PolygonResource(location=str(tmp_path / "rest"))
            if (tmp_path / "rest").exists()
            else NoPolygon(),
        }
    )


class NoPolygon(PolygonResource):
    """A configuration without a reference source, whatever the environment says."""

    def source(self) -> None:
        """There is none."""


def run_range(
    defs: dg.Definitions, instance: dg.DagsterInstance, keys: Sequence[str], first: date | None, last: date | None
) -> dg.ExecuteInProcessResult:
    """Run assets with their checks over a range of sessions in one run; without sessions where `first` is None."""
    tags = {} if first is None else range_tags(first, last or first)
    return defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(key) for key in keys], tags=tags, raise_on_error=False
    )


@pytest.fixture
def materialize(defs: dg.Definitions, instance: dg.DagsterInstance) -> Materialize:
    """Run selected assets with their checks, for a session, a range, or none."""

    def run(*keys: str, first: date | None = None, last: date | None = None) -> dg.ExecuteInProcessResult:
        return run_range(defs, instance, keys, first, last)

    return run
