"""What can be proven of the deployment files without a container engine.

The files are held against each other, against the settings and against the commands they call.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner
from dagster import DagsterInstance
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster_postgres.utils import DagsterPostgresException
from typer.testing import CliRunner as TyperRunner

from kapman_resources.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DAGSTER_YAML = ROOT / "kapman_resources" / "dagster.yaml"

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
HELM: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text())
INSTANCE: dict[str, Any] = yaml.safe_load(DAGSTER_YAML.read_text())

SETTINGS = {name.upper() for name in Settings.model_fields}
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::?(?P<operator>[-?])(?P<text>[^}]*))?\}")
"""`${NAME}`, `${NAME:-default}` and `${NAME:?message}` of compose; `$$` is a dollar sign."""


def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word]


def image_environment() -> dict[str, str]:
    """What the last stage of the Dockerfile sets."""
    instructions = dockerfile()
    last = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    pairs = [pair for word, rest in instructions[last:] if word == "ENV" for pair in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def commands() -> list[list[str]]:
    """Every command that a service or a health check runs in our image."""
    found = []
    for service in OURS.values():
        check = service.get("healthcheck", {}).get("test", ["CMD"])
        for command in (service["command"], check[1:]):
            if command[:2] == ["sh", "-c"]:
                found += [shlex.split(part) for part in command[2].split("&&")]
            elif command:
                found.append(command)
    helm = HELM["dagster-user-deployments"]["deployments"][0]
    found += [container["command"] for container in helm["initContainers"]]
    # As the chart puts it together.
    found.append(["dagster", "code-server", "start", "-p", str(helm["port"]), *helm["codeServerArgs"]])
    return found


def documented_variables() -> set[str]:
    """The names of `.env.example`, all of which are commented out."""
    return set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def is_pinned(image: str) -> bool:
    """Whether an image has a tag that does not move by its nature."""
    _, _, tag = image.rpartition("/")[2].partition(":")
    return bool(tag) and tag != "latest"


# --- docker-compose.yml


@pytest.mark.parametrize("name", SERVICES)
def test_service_says_what_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert is_pinned(service["image"])
    assert service["restart"] in {"unless-stopped", "no"}
    assert "healthcheck" in service or service["restart"] == "no", "a service that stays is watched"
    assert not service.get("privileged")
    for target, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[target]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[target]["restart"] == "no", "a service that is restarted never completes"


@pytest.mark.parametrize("name", SERVICES)
def test_service_publishes_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_only_what_people_look_at_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["webserver", "panel"]


def test_volumes_are_declared_and_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == COMPOSE["volumes"].keys()
    mounted = {volume.split(":")[1] for service in OURS.values() for volume in service["volumes"]}
    assert mounted == {image_environment()["KAPMAN_HOME"]}


def test_every_variable_is_documented_or_has_a_default() -> None:
    for variable in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text()):
        assert variable["name"] in documented_variables()
        assert variable["operator"] in {"-", "?"}, f"{variable[0]} must have a default or a message"
        assert variable["operator"] == "-" or variable["text"]


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY|_URL$", name) and value:
                assert VARIABLE.search(value), f"{name} is written into docker-compose.yml"


@pytest.mark.parametrize("name", ["code-server", "migrate", "demo"])
def test_kapmans_own_code_gets_every_setting(name: str) -> None:
    assert SERVICES[name]["environment"].keys() == SETTINGS - image_environment().keys()


@pytest.mark.parametrize("name", ["webserver", "daemon"])
def test_dagsters_processes_get_no_vendor_key(name: str) -> None:
    assert SERVICES[name]["environment"].keys() == {"DAGSTER_DATABASE_URL"}


def test_databases_use_the_drivers_that_work() -> None:
    environment = SERVICES["code-server"]["environment"]
    assert environment["DATABASE_URL"].startswith("postgresql://")
    assert environment["DAGSTER_DATABASE_URL"].startswith("postgresql+psycopg2://")


def test_workspace_points_at_the_code_server() -> None:
    workspace = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())
    (server,) = (entry["grpc_server"] for entry in workspace["load_from"])
    assert server["host"] in SERVICES
    command = SERVICES[server["host"]]["command"]
    assert command[command.index("-p") + 1] == str(server["port"])
    path = f"{image_environment()['DAGSTER_HOME']}/workspace.yaml"
    for name in ("webserver", "daemon"):
        assert path in SERVICES[name]["command"]


# --- the image


def test_base_images_are_pinned() -> None:
    bases = [rest.split()[0] for word, rest in dockerfile() if word == "FROM"]
    assert bases
    assert all(is_pinned(base) for base in bases)


def test_image_runs_as_an_ordinary_user() -> None:
    assert [rest for word, rest in dockerfile() if word == "USER"][-1] not in {"root", "0"}


def test_image_environment() -> None:
    environment = image_environment()
    assert environment["DAGSTER_HOME"] == "/opt/dagster/home"
    assert environment["KAPMAN_HOME"] == "/var/lib/kapman"
    assert environment["DAGSTER_EVENT_BATCH_SIZE"] == "100"
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "yes"


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    allowed = build_context()
    for word, rest in dockerfile():
        if word != "COPY" or rest.startswith("--from="):
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert source == "." or any(fnmatch(source, pattern) or source.startswith("kapman_") for pattern in allowed)


def build_context() -> list[str]:
    """The patterns that `.dockerignore` lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out that is not named"
    return [rule[1:] for rule in rules if rule.startswith("!")]


def test_build_context_holds_the_packages_and_nothing_private() -> None:
    allowed = build_context()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"} | {"dbt_like_sql"}
    for needed in (*packages, "pyproject.toml", project["project"]["readme"], "requirements/runtime.txt"):
        assert any(fnmatch(needed, pattern) for pattern in allowed), f"{needed} does not reach the builder"
    for private in (".env", ".git", ".kapman", ".venv", "tests", "requirements/dev.txt"):
        assert not any(fnmatch(private, pattern) for pattern in allowed), f"{private} reaches the builder"


@pytest.mark.parametrize("line", sorted({shlex.join(command) for command in commands()}))
def test_command_exists_and_takes_its_options(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert (BIN / program).exists()
    if program != "python":
        assert exit_code_of_help(program, arguments) == 0


def test_command_check_would_find_a_mistake() -> None:
    assert exit_code_of_help("kapman", ["materialize", "--form", "2024-01-02"]) != 0
    assert exit_code_of_help("dagster-daemon", ["start"]) != 0


def exit_code_of_help(program: str, arguments: list[str]) -> int:
    """Ask a console script for `--help`, which it gives only once it has understood the rest."""
    (entry,) = entry_points(group="console_scripts", name=program)
    if program == "kapman":
        return TyperRunner().invoke(entry.load(), [*arguments, "--help"]).exit_code
    # Dagster's entry points are functions around a click command, which each module calls `cli`.
    return CliRunner().invoke(import_module(entry.module).cli, [*arguments, "--help"]).exit_code


def test_service_loads_a_module_that_exists() -> None:
    modules = [command[command.index("-m") + 1] for command in commands() if "-m" in command]
    assert set(modules) == {"kapman_assets.definitions"}
    assert find_spec("kapman_assets.definitions") is not None


# --- .env.example, hooks, CI


def test_env_example_documents_every_variable_and_nothing_else() -> None:
    compose_only = {match["name"] for match in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())} - SETTINGS
    assert documented_variables() == SETTINGS | compose_only
    assert compose_only == {"POSTGRES_PASSWORD"}


def test_env_example_changes_nothing_when_copied() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_hooks_use_this_checkouts_tools_only() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        program = shlex.split(hook["entry"])[0]
        assert hook["language"] == "system"
        assert program == "git" or (BIN / program.removeprefix(".venv/bin/")).exists()


def test_ci_script_is_executable_and_parses() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


# --- Dagster's instance, here and on Kubernetes


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_dagster_yaml_is_a_configuration_that_reaches_for_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML.read_text())
    monkeypatch.setenv("DAGSTER_DATABASE_URL", f"postgresql+psycopg2://kapman:x@127.0.0.1:{closed_port()}/dagster")
    monkeypatch.setattr("dagster_postgres.utils.time.sleep", lambda _seconds: None)
    # Every section has been accepted when the first thing that fails is the connection, by the right driver.
    with pytest.raises(DagsterPostgresException) as refused:
        DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path)))
    cause = refused.value.__cause__
    assert isinstance(cause, sa.exc.OperationalError)
    assert type(cause.orig).__module__ == "psycopg2"
    assert "Connection refused" in str(cause)


def test_dagster_yaml_check_would_find_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE | {"run_monitoring": {"enabeld": True}}))
    with pytest.raises(DagsterInvalidConfigError):
        dagster_instance_config(str(tmp_path))


def test_helm_instance_is_the_same_as_dagster_yaml(tmp_path: Path) -> None:
    extra = HELM["additionalInstanceConfig"]
    by_the_chart = {"telemetry", "storage", "sensors", "schedules"}
    assert extra == {key: value for key, value in INSTANCE.items() if key not in by_the_chart}
    for section in ("sensors", "schedules"):
        chart = HELM["dagsterDaemon"][section]
        assert {"use_threads": chart["useThreads"], "num_workers": chart["numWorkers"]} == INSTANCE[section]
    assert HELM["telemetry"] == INSTANCE["telemetry"]
    # The chart would write these sections a second time.
    assert not any(HELM["dagsterDaemon"][key]["enabled"] for key in ("runCoordinator", "runRetries", "runMonitoring"))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(extra))
    dagster_instance_config(str(tmp_path))


def test_helm_names_one_image_one_release_and_the_working_driver() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (deployment,) = HELM["dagster-user-deployments"]["deployments"]
    image = f"{deployment['image']['repository']}:{deployment['image']['tag']}"
    assert deployment["image"]["tag"] == project["version"]
    assert [container["image"] for container in deployment["initContainers"]] == [image]
    assert HELM["runLauncher"]["type"] == "K8sRunLauncher"
    assert HELM["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"
    assert deployment["env"].keys() <= SETTINGS
    text = (ROOT / "deploy" / "helm" / "values.yaml").read_text()
    assert image in text.split("\nglobal:")[0]
    assert set(re.findall(r"--from-literal=([A-Z_]+)=", text)) <= SETTINGS
    (chart,) = re.findall(r"--version (\S+)", text)
    assert f"dagster=={chart}" in project["dependencies"]
