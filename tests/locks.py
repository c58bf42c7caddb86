"""Checks the locked requirements and what a checkout may say about where packages come from: `python -m tests.locks`.

Part of `make lint`. A lock names versions and hashes, never a place: whoever installs decides on the index.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]

LOCKS = ("runtime.txt", "dev.txt", "uv.txt")
"""The files that must be in `requirements/`; others there are checked in the same way."""

REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
    )
)
"""Put together from pieces, so that this file does not name them either."""

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """A requirement with one version, and whether it has a hash."""

    name: str
    version: str
    hashed: bool


def problems(root: Path) -> Iterator[str]:
    """Every violation in the tree under `root`, as a sentence that names the file."""
    folder = root / "requirements"
    pins: dict[str, list[Pin]] = {}
    for file in sorted({*folder.glob("*.txt"), *(folder / name for name in LOCKS)}):
        if file.exists():
            pins[file.name] = []
            yield from _read(file, pins[file.name])
        else:
            yield f"requirements/{file.name} is missing: run `make lock`."
    yield from _not_in(pins.get("runtime.txt", []), pins.get("dev.txt", []))
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    yield from _unsatisfied(project, pins)
    yield from _registries(root)


def _read(file: Path, pins: list[Pin]) -> Iterator[str]:
    """Add the file's pins to `pins` and yield what is wrong with its lines."""
    where = f"requirements/{file.name}"
    text = re.sub(r"\\\n", " ", file.read_text())
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("-"):
            yield f"{where}: {line!r} is an option of the installer; a lock holds requirements only."
            continue
        entry = line.partition("--hash")[0].partition(" #")[0].strip()
        try:
            requirement = Requirement(entry)
        except InvalidRequirement:
            yield f"{where}: {entry!r} is not a requirement."
            continue
        versions = [clause for clause in requirement.specifier if clause.operator == "=="]
        if requirement.url is not None or len(versions) != 1 or len(requirement.specifier) != 1:
            yield f"{where}: {entry!r} is not pinned with ==; run `make lock`."
            continue
        pin = Pin(canonicalize_name(requirement.name), versions[0].version, bool(_HASH.search(line)))
        pins.append(pin)
        if not pin.hashed:
            yield f"{where}: {pin.name} has no sha256 hash; run `make lock`."


def _not_in(runtime: list[Pin], dev: list[Pin]) -> Iterator[str]:
    """What is tested must be what is deployed."""
    tested = {(pin.name, pin.version) for pin in dev}
    for pin in runtime:
        if (pin.name, pin.version) not in tested:
            others = ", ".join(sorted(version for name, version in tested if name == pin.name)) or "nothing"
            yield (
                f"requirements/runtime.txt has {pin.name} {pin.version} and requirements/dev.txt {others}: "
                "run `make lock`, which compiles both."
            )


def _unsatisfied(project: dict[str, Any], pins: dict[str, list[Pin]]) -> Iterator[str]:
    """Direct dependencies that a lock lacks, or holds in a version that pyproject.toml excludes."""
    groups = [("runtime.txt", project["dependencies"])]
    groups += [("dev.txt", project["dependencies"] + project.get("optional-dependencies", {}).get("dev", []))]
    for file, declared in groups:
        for requirement in map(Requirement, declared):
            name = canonicalize_name(requirement.name)
            found = [pin.version for pin in pins.get(file, []) if pin.name == name]
            if not found:
                yield f"requirements/{file} lacks {name}, which pyproject.toml asks for: run `make lock`."
            for version in found:
                if not requirement.specifier.contains(version, prereleases=True):
                    yield (
                        f"requirements/{file} has {name} {version}, and pyproject.toml asks for "
                        f"{requirement.specifier}: run `make lock`."
                    )


def _registries(root: Path) -> Iterator[str]:
    """Files of the checkout, tracked or about to be, that name a package registry's host."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        yield f"git cannot say which files are tracked: {listed.stderr.strip()}"
        return
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode(), re.IGNORECASE)
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        # A file that was deleted and not yet committed is still listed.
        if not path.is_file() or path.is_symlink():
            continue
        if found := hosts.search(path.read_bytes()):
            yield f"{name} names the package registry {found.group().decode()}: leave the place to the installer."


def main() -> int:
    """Print every violation; 1 if there is one."""
    found = list(problems(ROOT))
    for problem in found:
        print(problem, file=sys.stderr)  # noqa: T201 a command
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
