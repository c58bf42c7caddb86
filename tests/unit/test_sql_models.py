"""SQL models as files: what is refused when they are loaded, and what Dagster learns of them."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from graphlib import CycleError
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.partitions import SESSIONS
from kapman_assets.sql_models import FOLDER, Model, ModelError, build_assets, load_models
from kapman_resources import schema
from kapman_resources.dagster_resources import Warehouse

Load = Callable[..., dict[str, Model]]

SOURCES = """
sources:
  - name: warehouse
    tables:
      - {name: bars, config: {meta: {asset: bars}}}
      - {name: bars_status, config: {meta: {asset: bars}}}
      - {name: names}
      - name: fn_adjusted
        config: {meta: {reads: [bars, names]}}
        columns: [{name: symbol, data_type: text}, {name: close, data_type: double precision}]
"""
NOTES = """
models:
  - {name: v_one, description: one thing, columns: [{name: close, description: USD a share}]}
"""
BARS, NAMES = "{{ source('warehouse', 'bars') }}", "{{ source('warehouse', 'names') }}"
WAREHOUSE = {"warehouse": Warehouse(url="postgresql:///unused")}
FIRST, LAST = "{{ var('first') }}", "{{ var('last') }}"
BETWEEN = f"date BETWEEN {FIRST} AND {LAST}"


def view(query: str) -> str:
    return "{{ config(materialized='view') }}\n" + query


def partition(query: str) -> str:
    return "{{ config(materialized='partition') }}\n" + query


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a project of these files (`layer__model`) over the tables bars, bars_status, names and totals."""
    metadata = sa.MetaData()
    for table, columns in {
        "bars": {"date": sa.Date, "ticker_id": sa.Integer, "close": sa.Double},
        "bars_status": {"date": sa.Date, "status": sa.Text},
        "names": {"ticker_id": sa.Integer, "symbol": sa.Text},
        "totals": {"date": sa.Date, "n": sa.BigInteger},
    }.items():
        sa.Table(table, metadata, *(sa.Column(name, kind) for name, kind in columns.items()))

    def load(**files: str) -> dict[str, Model]:
        models = tmp_path / "models"
        shutil.rmtree(models, ignore_errors=True)
        models.mkdir()
        (models / "sources.yml").write_text(SOURCES)
        (models / "schema.yml").write_text(NOTES)
        for name, text in files.items():
            path = models / Path(*name.split("__")).with_suffix(".sql")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return {model.name: model for model in load_models(tmp_path, metadata.tables)}

    return load


# --- what a query reads, against what it declares


@pytest.mark.parametrize(
    ("query", "undeclared"),
    [
        (f"SELECT b.close FROM {BARS} b JOIN names n ON n.ticker_id = b.ticker_id", "names"),
        (f"SELECT close FROM {BARS} WHERE ticker_id IN (SELECT ticker_id FROM names)", "names"),
        (f"SELECT b.close FROM {BARS} b CROSS JOIN LATERAL (SELECT symbol FROM names) n", "names"),
        (f"SELECT close FROM {BARS} UNION ALL SELECT 1 FROM names", "names"),
        (f"SELECT close FROM public.bars WHERE EXISTS (SELECT 1 FROM {BARS})", "public.bars"),
        # A name that is a CTE's elsewhere is still a table here.
        (f"WITH a AS (WITH names AS (SELECT 1 AS x) SELECT x FROM names) SELECT a.x FROM a, {BARS}, names", "names"),
        (f"WITH n AS (SELECT close FROM {BARS}) SELECT close FROM n WHERE EXISTS (SELECT 1 FROM names n)", "names"),
        (f"SELECT a.close FROM fn_adjusted(now()) a, {BARS} b", "fn_adjusted"),
        (f"SELECT a.close FROM {BARS} b CROSS JOIN LATERAL fn_adjusted(b.date) a", "fn_adjusted"),
        (f"SELECT fn_adjusted(date) FROM {BARS}", "fn_adjusted"),
        (f"SELECT x.a FROM fn_unheard_of(1) x, {BARS}", "fn_unheard_of"),
    ],
)
def test_a_table_that_is_read_must_be_declared(load: Load, query: str, undeclared: str) -> None:
    with pytest.raises(ModelError, match=rf"v_one.*reads \['{undeclared}'\] without ref"):
        load(market__v_one=view(query))


def test_a_function_is_declared_by_itself_and_never_by_what_it_reads(load: Load) -> None:
    function = "{{ source('warehouse', 'fn_adjusted') }}"
    (model,) = load(market__v_one=view(f"SELECT a.symbol FROM {function}(CAST(now() AS date)) AS a")).values()
    assert model.deps == {"bars"}
    # Of its columns, those of the same name in what it reads.
    assert model.lineage["symbol"] == [("names", "symbol")]
    with pytest.raises(ModelError, match=r"declares \['bars'\] without reading"):
        load(market__v_one=view(f"-- {BARS}\nSELECT a.symbol FROM {function}(CAST(now() AS date)) AS a"))


@pytest.mark.parametrize("query", [f"SELECT symbol FROM {NAMES} -- {BARS}", f"SELECT symbol, '{BARS}' FROM {NAMES}"])
def test_a_table_that_is_declared_must_be_read(load: Load, query: str) -> None:
    with pytest.raises(ModelError, match=r"v_one.*declares \['bars'\] without reading it"):
        load(market__v_one=view(query))


@pytest.mark.parametrize(
    "query",
    [
        f"WITH bars AS (SELECT b.close FROM {BARS} AS b) SELECT bars.close FROM bars",
        f"WITH n AS (SELECT close FROM {BARS}), m AS (SELECT x.close FROM n AS x) SELECT names.close FROM m AS names",
        f"WITH RECURSIVE r AS (SELECT close FROM {BARS} UNION ALL SELECT close + 1 FROM r) SELECT close FROM r",
        f"SELECT q.close FROM (SELECT close FROM {BARS}) AS q",
        f"SELECT b.close FROM {BARS} AS b CROSS JOIN generate_series(1, 3) AS g",
    ],
)
def test_ctes_aliases_and_built_in_functions_are_no_tables(load: Load, query: str) -> None:
    (model,) = load(market__v_one=view(query)).values()
    assert model.deps == {"bars"}
    assert model.lineage["close"] == [("bars", "close")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (view("SELECT 1 FROM {{ ref('v_two') }}"), r"refers to \['v_two'\]"),
        (view("SELECT 1 FROM {{ source('warehouse', 'trades') }}"), r"refers to \['trades'\]"),
        (view(f"SELECT clsoe FROM {BARS}"), "clsoe"),
        (view("SELECT FROM WHERE"), "v_one"),
        (view(f"SELECT close FROM {BARS}; SELECT 1"), "must be one SELECT"),
        (view(f"DELETE FROM {BARS}"), "must be one SELECT"),
        (view(f"WITH gone AS (DELETE FROM {BARS} RETURNING close) SELECT close FROM gone"), "must be one SELECT"),
        (view(f"SELECT close FROM {{{{ this }}}}, {BARS}"), "v_one.*cannot be rendered.*this"),
        (view("SELECT {% if %}"), "v_one.*cannot be rendered"),
        (f"SELECT close FROM {BARS}", "must say materialized='view'"),
        ("{{ config(materialized='view', tags='x') }}" + f"SELECT close FROM {BARS}", "must say materialized='view'"),
        (partition(f"SELECT close FROM {BARS} WHERE {BETWEEN}"), "must say materialized='view'.*no table"),
        (view(f"SELECT close FROM {BARS} WHERE {BETWEEN}"), "var\\(\\) ask for nothing"),
        (view(f"SELECT close FROM {BARS} WHERE ticker_id = {{{{ var('ticker') }}}}"), "var\\(\\) ask for nothing"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_name(load: Load, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"(?s){message}") as caught:
        load(market__v_one=text)
    assert "v_one.sql" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (partition(f"SELECT date, count(*) AS bars FROM {BARS} WHERE {BETWEEN} GROUP BY 1"), r"\['bars', 'n'\]"),
        (partition(f"SELECT date, count(*) AS n FROM {BARS} GROUP BY 1"), "must say materialized='table'"),
        (partition(f"SELECT date, 1 AS n FROM {BARS} WHERE date = {{{{ var('first') }}}}"), "'first', 'last'"),
        (
            partition(f"SELECT date, 1 AS n FROM {BARS} WHERE date BETWEEN '{FIRST}' AND '{LAST}'"),
            r"var\(\) must stand outside of quotes",
        ),
        (view(f"SELECT date, 1 AS n FROM {BARS}"), "must say materialized='table'.*a table of its name"),
    ],
)
def test_a_models_table_is_the_one_of_the_schema(load: Load, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(market__totals=text)


def test_models_in_a_circle_are_named(load: Load) -> None:
    with pytest.raises(CycleError, match=r"'v_one'.*'v_two'|'v_two'.*'v_one'"):
        load(
            market__v_one=view("SELECT close FROM {{ ref('v_two') }}"),
            market__v_two=view("SELECT close FROM {{ ref('v_one') }}"),
        )


def test_names_are_given_once(load: Load) -> None:
    query = view(f"SELECT close FROM {BARS}")
    with pytest.raises(ModelError, match=r"called \['v_one'\]"):
        load(market__v_one=query, options__v_one=query)
    with pytest.raises(ModelError, match=r"called \['names'\]"):
        load(market__names=query)


def test_a_key_that_a_python_asset_has_is_refused(load: Load) -> None:
    @dg.asset
    def v_one() -> None:
        """Written in Python."""

    models = list(load(market__v_one=view(f"SELECT close FROM {BARS}")).values())
    assets = build_assets(models)
    dg.Definitions(assets=assets, resources=WAREHOUSE).resolve_asset_graph()
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="v_one"):
        dg.Definitions(assets=[v_one, *assets], resources=WAREHOUSE).resolve_asset_graph()


# --- what is known of a model


def test_a_variable_never_becomes_text(load: Load) -> None:
    query = f"SELECT date, count(*) AS n FROM {BARS} WHERE {BETWEEN} GROUP BY date"
    model = load(market__totals=partition(query))["totals"]
    assert "BETWEEN %(first)s AND %(last)s" in model.sql


def test_columns_lineage_and_order_follow_the_refs(load: Load) -> None:
    models = load(
        a__v_one=view("SELECT close, close > 1 AS high FROM {{ ref('v_two') }}"),
        b__v_two=view(f"SELECT b.close * 2 AS close, n.symbol FROM {BARS} b JOIN {NAMES} n USING (ticker_id)"),
    )
    assert list(models) == ["v_two", "v_one"]
    one, two = models["v_one"], models["v_two"]
    assert (one.layer, one.description, one.deps) == ("a", "one thing", {"v_two"})
    assert [(column.name, column.type, column.description) for column in one.columns] == [
        ("close", "DOUBLE", "USD a share"),
        ("high", "BOOLEAN", None),
    ]
    assert one.lineage["high"] == [("v_two", "close")]
    # Nobody's asset writes names.
    assert two.deps == {"bars"}
    assert two.lineage["symbol"] == [("names", "symbol")]


def test_a_table_that_another_asset_writes_too_depends_on_that(load: Load) -> None:
    query = f"SELECT b.close FROM {BARS} b JOIN {BARS.replace('bars', 'bars_status')} s ON s.date = b.date"
    assert load(market__v_one=view(query))["v_one"].deps == {"bars"}


def test_the_code_version_follows_the_sql_alone(load: Load) -> None:
    first = load(market__v_one=view(f"SELECT close FROM {BARS}"))["v_one"].code_version
    assert load(other__v_one=view(f"SELECT close FROM {BARS}\n\n"))["v_one"].code_version == first
    assert load(market__v_one=view(f"SELECT close + 0 AS close FROM {BARS}"))["v_one"].code_version != first


# --- automation


def ticks(steps: list[tuple[dict[str, Model], dg.AssetMaterialization | None]]) -> list[int]:
    """How much each evaluation asks for, on these models one after the other, each after an event."""

    @dg.asset(partitions_def=SESSIONS)
    def bars() -> None:
        """Comes with each session."""

    @dg.asset
    def tickers() -> None:
        """Is refreshed every morning."""

    counts, cursor = [], None
    with dg.DagsterInstance.ephemeral() as instance:
        for models, event in steps:
            if event is not None:
                instance.report_runless_asset_event(event)
            result = dg.evaluate_automation_conditions(
                dg.Definitions(assets=[bars, tickers, *build_assets(list(models.values()))], resources=WAREHOUSE),
                instance,
                cursor=cursor,
                evaluation_time=datetime(2026, 8, 21, 23, tzinfo=UTC),
            )
            counts.append(result.total_requested)
            cursor = result.cursor
    return counts


def test_a_view_is_made_when_it_is_new_and_when_its_code_changes(load: Load) -> None:
    old = load(market__v_one=view(f"SELECT close FROM {BARS}"))
    new = load(market__v_one=view(f"SELECT close, date FROM {BARS}"))
    made, session = dg.AssetMaterialization("v_one"), dg.AssetMaterialization("bars", partition="2026-08-21")
    steps = [(old, None), (old, None), (old, made), (old, session), (new, None), (new, None)]
    assert ticks(steps) == [1, 0, 0, 0, 1, 0]


def test_a_partition_follows_what_it_reads_but_not_the_daily_reference(load: Load) -> None:
    query = f"SELECT b.date, count(*) AS n FROM {BARS} b JOIN {NAMES} n USING (ticker_id) WHERE {BETWEEN} GROUP BY 1"
    models = load(market__totals=partition(query.replace("WHERE date", "WHERE b.date")))
    models["totals"] = replace(models["totals"], deps=frozenset({"bars", "tickers"}))
    session, total = (dg.AssetMaterialization(key, partition="2026-08-21") for key in ("bars", "totals"))
    steps = [(models, None), (models, session), (models, total), (models, dg.AssetMaterialization("tickers"))]
    assert ticks(steps) == [0, 1, 0, 0]


# --- the project's own models


def test_every_model_is_described() -> None:
    for model in load_models():
        assert model.description, model.name
        for column in model.columns:
            assert column.description, f"{model.name}.{column.name}"
            assert column.type != "UNKNOWN", f"{model.name}.{column.name}"


def test_the_summarys_open_interest_comes_from_the_chains() -> None:
    (summary,) = (model for model in load_models() if model.name == "options_daily_summary")
    assert ("options_chains", "open_interest") in summary.lineage["total_call_oi"]
    assert {table for table, _ in summary.lineage["symbol"]} == {"tickers"}
    assert summary.deps == {"options_chains", "tickers"}
    assert [column.name for column in summary.columns] == [c.name for c in schema.options_daily_summary.columns]


def test_assets_carry_what_dagster_shows() -> None:
    assets = {asset.key.to_user_string(): asset for asset in build_assets(load_models())}
    view, summary = (assets[name].get_asset_spec() for name in ("v_ohlcv", "options_daily_summary"))
    assert (view.group_name, summary.group_name) == ("market", "options")
    assert (view.partitions_def, summary.partitions_def) == (None, SESSIONS)
    assert assets["options_daily_summary"].backfill_policy == dg.BackfillPolicy.single_run()
    assert view.metadata["dagster/column_schema"].columns[0].description == "the vendor's ticker, case kept"
    (model,) = (model for model in load_models() if model.name == "options_daily_summary")
    assert set(model.lineage) == {column.name for column in schema.options_daily_summary.columns}


def test_an_installed_package_holds_every_file_of_the_folder() -> None:
    tools = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert FOLDER.name in tools["packages"]["find"]["include"]
    patterns = tools["package-data"][FOLDER.name]
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.name != ".user.yml"]
    held = {path for pattern in patterns for path in FOLDER.glob(pattern)}
    assert len(files) > 5
    assert set(files) == held


def test_dbt_understands_the_folder(tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("dbt")
    dbt = str(beside) if beside.exists() else shutil.which("dbt")
    if dbt is None:
        pytest.skip("dbt is not installed (dbt-core and dbt-postgres 1.11)")
    before = sorted(FOLDER.rglob("*"))
    places = ["--project-dir", FOLDER, "--profiles-dir", FOLDER, "--target-path", tmp_path / "target"]
    command = [dbt, "--log-path", tmp_path / "logs", "--warn-error", "parse", *places]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert sorted(FOLDER.rglob("*")) == before
    nodes = json.loads((tmp_path / "target" / "manifest.json").read_text())["nodes"]
    found = {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}
    models = {model.name: model for model in load_models()}
    assert found.keys() == models.keys()
    for name, model in models.items():
        assert found[name]["config"]["materialized"] == model.materialized
        assert found[name]["description"] == model.description
