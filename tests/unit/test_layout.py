"""What the folders may import, and that every module says what it is."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("kapman_assets", "kapman_resources", "kapman_ui")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DAGSTER_MODULES = {"assets", "outcome_assets", "checks", "jobs", "sensors"}
"""The thin modules of a domain that may know Dagster; every other one calculates, reads or writes."""
CALCULATIONS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "kapman_assets").glob("*/*.py")
    if path.parent.name != "cli" and path.stem not in DAGSTER_MODULES | {"__init__"}
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(node: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere below `node`."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module:
            yield inner.module


def is_of(module: str, package: str) -> bool:
    return module == package or module.startswith((f"{package}.", f"{package}_"))


def lint(config: Path) -> "subprocess.CompletedProcess[str]":
    """import-linter in a process of its own: it switches off every logger of the one it runs in."""
    command = Path(sys.executable).with_name("lint-imports")
    arguments = ["--config", str(config), "--no-cache"]
    return subprocess.run([command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    done = lint(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
    assert "0 kept" not in done.stdout


def test_every_calculation_is_under_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    listed = next(each for each in contracts if each["name"] == "Calculations and clients are free of Dagster")
    assert sorted(name for name in listed["source_modules"] if name.startswith("kapman_assets.")) == CALCULATIONS


def test_a_broken_contract_is_told(tmp_path: Path) -> None:
    # The same linter on a contract that the code cannot keep: assets do import resources.
    config = tmp_path / "contracts.toml"
    config.write_text(
        "[tool.importlinter]\nroot_packages = ['kapman_assets', 'kapman_resources']\n"
        "[[tool.importlinter.contracts]]\nname = 'turned round'\ntype = 'forbidden'\n"
        "source_modules = ['kapman_assets']\nforbidden_modules = ['kapman_resources']\n"
    )
    assert lint(config).returncode != 0


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring, f"{name_of(path)} has no docstring"
    assert len(docstring.splitlines()[0]) > 10


def test_resources_import_nothing_of_the_graph_or_the_panel() -> None:
    resources = [path for path in MODULES if name_of(path).startswith("kapman_resources.")]
    wrong = {
        (name_of(path), module)
        for path in resources
        for module in imports_of(ast.parse(path.read_text(encoding="utf-8")))
        if is_of(module, "kapman_assets") or is_of(module, "kapman_ui")
    }

    assert len(resources) > 10
    assert wrong == set()


@pytest.mark.parametrize("module", CALCULATIONS)
def test_a_calculation_imports_no_dagster(module: str) -> None:
    tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8"))

    assert [name for name in imports_of(tree) if is_of(name, "dagster")] == []


def loaded_after(*modules: str) -> set[str]:
    """Top-level packages in a fresh interpreter that imported `modules`."""
    code = f"import sys, {', '.join(modules)}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_calculations_loads_no_dagster() -> None:
    loaded = loaded_after(*CALCULATIONS)

    assert {"kapman_assets", "kapman_resources", "pandas"} <= loaded
    assert [package for package in loaded if is_of(package, "dagster")] == []


def test_importing_the_graph_does_load_dagster() -> None:
    # That the test above can fail.
    assert "dagster" in loaded_after("kapman_assets.partitions")
