"""Dagster metadata made from what the project already knows: table schemas and frames."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa


def column_schema(table: sa.Table) -> dict[str, Any]:
    """Definition metadata of an asset that is `table`: its columns with type, unit and source, and its name."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=str(column.type),
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable), unique=bool(column.unique)),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "dagster/table_name": table.name}


def column_lineage(origins: Mapping[str, Iterable[tuple[str, str]]]) -> dict[str, Any]:
    """Metadata of a materialisation: for each column the tables and columns that it is made from.

    Dagster shows the lineage of an asset's newest materialisation, so a run gives it to its last session alone.
    """
    deps = {
        column: [dg.TableColumnDep(dg.AssetKey(table), source) for table, source in sources]
        for column, sources in origins.items()
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


def markdown_table(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """A small frame as a Markdown table; "none" when it is empty."""
    if frame.empty:
        return dg.MetadataValue.md("none")
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    rule = "|" + " --- |" * len(frame.columns)
    rows = ["| " + " | ".join(str(value).replace("|", "\\|") for value in row) + " |" for row in frame.to_numpy()]
    return dg.MetadataValue.md("\n".join([head, rule, *rows]))
