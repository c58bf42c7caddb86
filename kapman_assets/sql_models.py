"""The SQL models of `dbt_like_sql` as assets: rendered, checked against what they really read, and run.

A model is one file, and its stem the asset's key. What a table holds is SQL in that folder; here is only how any
model is loaded and materialised. `docs/sql-models.md` says what a model may contain.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import jinja2
import sqlalchemy as sa
import yaml
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from kapman_assets.automation import NEW_CODE, NEW_DATA
from kapman_assets.metadata import column_lineage, column_schema
from kapman_assets.partitions import SESSIONS
from kapman_assets.runs import retry_if_transient
from kapman_resources import derived, partitioning, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.errors import KapmanError

FOLDER = Path(__file__).parents[1] / "dbt_like_sql"
"""Beside the packages, in a checkout as where they are installed."""


class ModelError(KapmanError):
    """A model is not what it says; the message names it."""


class _Known(NamedTuple):
    """What a model can read: its columns' types, the asset that writes it, and what it reads if it is a function."""

    types: dict[str, str]
    asset: str | None
    reads: Sequence[str] = ()


@dataclass(frozen=True)
class Model:
    """One query, whose only parameters are the bound `%(first)s` and `%(last)s`, and what is known of it."""

    name: str
    layer: str
    sql: str
    materialized: str
    description: str | None
    columns: Sequence[dg.TableColumn]
    lineage: Mapping[str, Sequence[tuple[str, str]]]
    deps: frozenset[str]

    @property
    def code_version(self) -> str:
        """Changes with the SQL and with nothing else."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:16]


def load_models(folder: Path = FOLDER, tables: Mapping[str, sa.Table] = schema.metadata.tables) -> list[Model]:
    """Read the models of a dbt project, each after those that it refers to; `tables` are what the migrations make.

    Raises:
        ModelError: a model is no query, reads other tables than it declares, selects other columns than its table has,
            refers to what is not there, or has the name of another or of a source.
        graphlib.CycleError: models refer to each other in a circle; it names them.
    """
    notes = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("models/**/*.yml"))]
    sources = [entry for note in notes for group in note.get("sources", []) for entry in group["tables"]]
    known = {entry["name"]: _source(entry, tables) for entry in sources}
    about = {model["name"]: model for note in notes for model in note.get("models", [])}
    files = sorted(folder.glob("models/**/*.sql"))
    if twice := [name for name, n in Counter([*known, *(path.stem for path in files)]).items() if n > 1]:
        raise ModelError(f"More than one model or source is called {twice}; rename the files in {folder}.")
    paths = {path.stem: path for path in files}
    refs = {name: _rendered(path)[1]["ref"] & paths.keys() for name, path in paths.items()}
    models = []
    for name in TopologicalSorter(refs).static_order():
        try:
            models.append(_checked(paths[name], known, about.get(name, {}), tables.get(name)))
        except (ModelError, SqlglotError) as error:
            raise ModelError(f"The model {paths[name]} is wrong: {error}") from error
        known[name] = _Known({column.name: column.type for column in models[-1].columns}, name)
    return models


def build_assets(models: Sequence[Model]) -> list[dg.AssetsDefinition]:
    """An asset a model, in the group of its folder."""
    return [_asset(model, models) for model in models]


def create_views(connection: sa.Connection, models: Sequence[Model]) -> None:
    """Create or replace the views among `models`, in the connection's transaction."""
    views = [model for model in models if model.materialized == "view"]
    texts = {view.name: {column.name: column.description for column in view.columns} for view in views}
    derived.replace_views(connection, [derived.View(v.name, v.sql, v.description, texts[v.name]) for v in views])


def _source(entry: Mapping[str, Any], tables: Mapping[str, sa.Table]) -> _Known:
    name, meta = entry["name"], entry.get("config", {}).get("meta", {})
    if "reads" in meta:
        return _Known({column["name"]: column["data_type"] for column in entry["columns"]}, None, meta["reads"])
    if name not in tables:
        raise ModelError(f"The source {name} is no table of kapman_resources.schema, and no function with `reads`.")
    return _Known({column.name: str(column.type) for column in tables[name].columns}, meta.get("asset"))


def _rendered(path: Path) -> tuple[str, Mapping[str, set[str]]]:
    """A file after Jinja, and what it called ref, source, var and config with; a var becomes a bound parameter."""
    calls = defaultdict[str, set[str]](set)

    def noted(function: str, text: str) -> Callable[..., str]:
        def note(*names: str, **settings: str) -> str:
            calls[function].update(names[-1:], (f"{name}={value}" for name, value in settings.items()))
            return text.format(*names[-1:])

        return note

    texts = {"ref": "{}", "source": "{}", "var": "%({})s", "config": ""}
    try:
        template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(path.read_text())  # noqa: S701 SQL
        return template.render({name: noted(name, text) for name, text in texts.items()}).strip(), calls
    except jinja2.TemplateError as error:
        raise ModelError(f"The model {path} cannot be rendered: {error}") from error


def _checked(path: Path, known: Mapping[str, _Known], note: Mapping[str, Any], table: sa.Table | None) -> Model:
    """Hold a file against what its query reads and selects."""
    text, calls = _rendered(path)
    kind = "view" if table is None else "partition" if calls["var"] else "table"
    bounds = {"first", "last"} if kind == "partition" else set[str]()
    if calls["config"] != {f"materialized={kind}"} or calls["var"] != bounds:
        rule = f"config() must say materialized='{kind}', and var() ask for {sorted(bounds) or 'nothing'}"
        raise ModelError(f"{rule}, since the schema has {'no' if table is None else 'a'} table of its name.")
    declared = calls["ref"] | calls["source"]
    if unknown := declared - known.keys():
        raise ModelError(f"it refers to {sorted(unknown)}, which is neither a model nor in sources.yml.")
    query, *more = parse(text, dialect="postgres")
    if more or not isinstance(query, exp.Query) or query.find(exp.DML):
        raise ModelError("it must be one SELECT.")
    if {placeholder.name for placeholder in query.find_all(exp.Placeholder)} != bounds:
        raise ModelError("var() must stand outside of quotes: it is a bound value, not text.")
    read = _reads(query, known)
    if read != declared:
        hidden, idle = sorted(read - declared) or "nothing", sorted(declared - read) or "nothing"
        raise ModelError(f"it reads {hidden} without ref() or source(), and declares {idle} without reading it.")
    types: dict[str, object] = {name: known[name].types for name in declared}
    query = annotate_types(qualify(query, schema=types, dialect="postgres"), schema=types, dialect="postgres")
    texts = {column["name"]: column.get("description") for column in note.get("columns", [])}
    columns = [dg.TableColumn(s.alias, str(s.type), texts.get(s.alias)) for s in query.selects]
    if table is not None:
        columns = column_schema(table)["dagster/column_schema"].columns
    if unlike := {column.name for column in columns} ^ set(query.named_selects):
        raise ModelError(f"of {sorted(unlike)}, either the query or the table knows nothing.")
    # Without trim_selects=False each step copies its query, which takes seconds.
    nodes = lineage(None, query, types, dialect="postgres", trim_selects=False)
    tables = {table for name in declared for table in known[name].reads or [name]}
    return Model(
        name=path.stem,
        layer=path.parent.name,
        sql=text,
        materialized=kind,
        description=note.get("description"),
        columns=columns,
        lineage={name: _origins(node, known) for name, node in nodes.items()},
        deps=frozenset(asset for table in tables if (asset := known[table].asset)),
    )


def _reads(query: exp.Query, known: Mapping[str, _Known]) -> set[str]:
    """The tables in a query, its CTEs left out, and the functions; those in FROM become tables, to be typed as such."""
    places = exp.Table, exp.Lateral
    calls = [call for call in query.find_all(exp.Anonymous) if call.name in known or isinstance(call.parent, places)]
    used = [
        (table, scope.sources.get(table.alias_or_name)) for scope in traverse_scope(query) for table in scope.tables
    ]
    own = {id(table) for table, source in used if isinstance(source, Scope)}
    tables = [table for table in query.find_all(exp.Table) if table.name and id(table) not in own]
    read = {".".join(part.name for part in table.parts) for table in tables} | {call.name for call in calls}
    for call in calls:
        if isinstance(call.parent, places):
            call.parent.replace(exp.Table(this=exp.to_identifier(call.name), alias=call.parent.args.get("alias")))
    return read


def _origins(node: Node, known: Mapping[str, _Known]) -> list[tuple[str, str]]:
    """The columns at the end of a lineage; of a function's, those of the same name in what it reads."""
    leaves = [leaf for leaf in node.walk() if isinstance(leaf.expression, exp.Table)]
    ends = {(leaf.expression.name, exp.to_column(leaf.name).name) for leaf in leaves}
    pairs = {(t, column) for name, column in ends for t in known[name].reads or [name] if column in known[t].types}
    return sorted(pairs)


def _asset(model: Model, models: Sequence[Model]) -> dg.AssetsDefinition:
    is_view, by_session = model.materialized == "view", model.materialized == "partition"
    origins = column_lineage(model.lineage)

    @dg.asset(
        name=model.name,
        group_name=model.layer,
        owners=["team:data"],
        kinds={"postgres", "sql"},
        description=model.description,
        code_version=model.code_version,
        deps=sorted(model.deps),
        metadata={
            "dagster/table_name": model.name,
            "dagster/column_schema": dg.TableSchema(list(model.columns)),
        },
        partitions_def=SESSIONS if by_session else None,
        backfill_policy=dg.BackfillPolicy.single_run() if by_session else None,
        automation_condition=NEW_CODE if is_view else NEW_DATA,
    )
    def materialize(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
        sessions = [date.fromisoformat(key) for key in context.partition_keys] if by_session else []
        with retry_if_transient(context), warehouse.engine(model.name) as engine:
            if model.name in schema.SESSION_TABLES:
                with engine.connect() as connection:
                    partitioning.make_room(connection, [model.name], sessions)
            with engine.begin() as connection:
                if is_view:
                    create_views(connection, models)
                    return dg.MaterializeResult(metadata=origins)
                columns = [column.name for column in model.columns]
                if not by_session:
                    rows = derived.replace_rows(connection, model.name, model.sql, columns)
                    return dg.MaterializeResult(metadata={"dagster/row_count": rows} | origins)
                counts = derived.replace_sessions(connection, model.name, model.sql, columns, sessions)
        for session, count in counts.items():
            context.add_asset_metadata({"dagster/row_count": count}, partition_key=session.isoformat())
        context.add_asset_metadata(origins, partition_key=sessions[-1].isoformat())
        return dg.MaterializeResult(metadata={"sessions": len(counts), "rows_total": sum(counts.values())})

    return materialize
