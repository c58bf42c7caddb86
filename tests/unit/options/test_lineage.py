"""The column lineage of the metrics names every column, and none that is not there."""

import pytest

from kapman_assets.options.lineage import COLUMN_LINEAGE
from kapman_resources.schema import metadata

KEYS = {"date", "ticker_id", "spot", "null_reasons"}


@pytest.mark.parametrize("table", COLUMN_LINEAGE)
def test_every_column_has_its_origins_and_they_exist(table: str) -> None:
    assert set(COLUMN_LINEAGE[table]) == set(metadata.tables[table].columns.keys()) - KEYS
    for origins in COLUMN_LINEAGE[table].values():
        for source, column in origins:
            assert column in metadata.tables[source].columns


def test_every_table_of_metrics_is_there() -> None:
    assert set(COLUMN_LINEAGE) == {name for name in metadata.tables if name.endswith("_metrics")}
