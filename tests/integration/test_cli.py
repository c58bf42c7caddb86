"""The `kapman` command as a user meets it: what it says, what it leaves, how it stops."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import httpx
import psutil
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from kapman_assets.cli import doctor as doctor_command
from kapman_assets.cli import up
from kapman_assets.cli.environment import prepare
from kapman_assets.cli.main import app
from kapman_assets.cli.processes import Child, run_until_stopped
from kapman_resources import database
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.errors import KapmanError
from kapman_resources.sessions import sessions_between
from tests.conftest import PROJECT, open_directory
from tests.market_files import Bar, write_day

KAPMAN = str(Path(sys.executable).with_name("kapman"))
BAR: Bar = (10.0, 11.0, 9.5, 10.5, 1000.0)
MON, TUE = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def recorded(
    warehouse_url: str, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A configuration on an external database and a recorded market of two sessions; the warehouse's address."""
    files = tmp_path / "flatfiles"
    for day in (MON, TUE):
        write_day(files, day, {"AAPL": BAR, "MSFT": BAR})
    dagster = postgres.url(f"d_{os.urandom(6).hex()}")
    environment = dict(os.environ)
    monkeypatch.setenv("DATABASE_URL", warehouse_url)
    monkeypatch.setenv("DAGSTER_DATABASE_URL", dagster)
    monkeypatch.setenv("FLATFILES_URL", str(files))
    yield warehouse_url
    # `kapman` sets Dagster's variables in its own process, which here is the test's.
    os.environ.clear()
    os.environ.update(environment)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def count(url: str) -> int:
    engine = database.make_engine(url, application_name="test")
    with engine.connect() as connection:
        rows = connection.scalar(sa.text("SELECT count(*) FROM ohlcv"))
    engine.dispose()
    return int(rows or 0)


def test_materialize_runs_through_dagster_and_doctor_is_content(recorded: str) -> None:
    code, said = run("materialize", "--from", "2026-03-02", "--to", "2026-03-03")
    assert (code, "2 sessions" in said) == (0, True), said
    assert count(recorded) == 4
    code, said = run("doctor")
    assert code == 0, said
    assert "the database holds a recorded market" in said
    assert "2 sessions, 2026-03-02 to 2026-03-03" in said


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Give --session, or --from and --to"),
        (["--session", "2026-03-02", "--from", "2026-03-02"], "not both"),
        (["--session", "2026-03-01"], "the exchange was closed"),
        (["--from", "2026-03-07", "--to", "2026-03-08"], "there is no session in it"),
        (["--session", "2028-12-29"], "is not over; the newest that can be materialised is"),
        (["--session", "2026-03-02", "--select", "nope"], "nope"),
        (["--session", "2026-03-04"], "2026-03-04.csv.gz is missing although it was due"),
    ],
)
def test_materialize_says_what_is_wrong(arguments: list[str], says: str) -> None:
    code, said = run("materialize", *arguments)
    assert code == 1
    assert says in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("recorded")
def test_an_external_schema_is_never_migrated_behind_its_owners_back(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("not_yet_migrated"))
    code, said = run("materialize", "--session", "2026-03-02")
    assert (code, "run `kapman db upgrade`" in said) == (1, True), said
    code, said = run("db", "status")
    assert (code, "Run `kapman db upgrade`" in said) == (1, True), said
    assert run("doctor")[0] == 1
    assert run("db", "upgrade")[0] == 0
    code, said = run("db", "status")
    assert (code, "ohlcv: 0 months" in said) == (0, True), said


def test_db_backup_and_restore(recorded: str, tmp_path: Path) -> None:
    assert run("materialize", "--session", "2026-03-02")[0] == 0
    dump = tmp_path / "w.dump"
    assert run("db", "backup", str(dump))[0] == 0
    assert run("materialize", "--session", "2026-03-03")[0] == 0
    assert count(recorded) == 4
    code, said = run("db", "restore", "--yes", str(dump))
    assert code == 0, said
    assert count(recorded) == 2


@pytest.mark.usefixtures("recorded")
def test_doctor_names_what_fails_and_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLATFILES_URL", "s3://flatfiles")
    code, said = run("doctor")
    assert code == 1
    assert "FAIL flat files" in said
    assert "AWS_ACCESS_KEY_ID" in said
    monkeypatch.setenv("FLATFILES_URL", str(tmp_path / "nowhere"))
    assert "there is no directory" in run("doctor")[1]
    monkeypatch.setenv("OPTIONS_URL", "https://api.massive.com")
    code, said = run("doctor")
    assert "FAIL settings" in said
    assert "OPTIONS_URL" in said


def test_doctor_warns_before_the_calendar_ends() -> None:
    finding = doctor_command._calendar(date(2028, 9, 1))
    assert (finding.level, "HOLIDAYS" in finding.mend) == ("warn", True)
    assert doctor_command._calendar(date(2026, 9, 1)).level == "ok"


def test_simulate_writes_extends_and_refuses_another_plan(tmp_path: Path) -> None:
    target = tmp_path / "market"
    arguments = ["simulate", "--directory", str(target), "--sessions", "3", "--names", "200"]
    code, said = run(*arguments)
    assert (code, "3 sessions" in said, "3 day files added" in said) == (0, True, True), said
    code, said = run(*arguments)
    assert (code, "0 day files added" in said) == (0, True), said
    next((target / "flatfiles").rglob("*.csv.gz")).unlink()
    assert "1 day files added" in run(*arguments)[1]
    code, said = run(*arguments, "--seed", "8")
    assert (code, "--force" in said) == (1, True), said
    assert run(*arguments, "--seed", "8", "--force")[0] == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious.txt").write_text("keep me")
    code, said = run("simulate", "--directory", str(other), "--force")
    assert (code, (other / "precious.txt").exists()) == (1, True), said


ABANDONED = """
import os, signal, sys
from kapman_assets.market import ohlcv_store
from kapman_assets.cli.main import app

ohlcv_store._touch_tickers = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
app(["materialize", "--session", "2026-03-02", "--select", "ohlcv"])
"""


@pytest.mark.usefixtures("recorded")
def test_a_run_whose_process_was_killed_is_closed_by_the_next_command() -> None:
    killed = subprocess.run([sys.executable, "-c", ABANDONED], check=False, timeout=120, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    code, said = run("materialize", "--session", "2026-03-03", "--select", "ohlcv")
    assert code == 0, said
    with dg.DagsterInstance.get() as instance:
        statuses = [record.status for record in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def have(url: str, table: sa.Table, day: date) -> None:
    """Store one row of a session, of which only the day matters."""
    by_type = {str: "", int: 1, float: 1.0, bool: False, dict: {}, list: []}
    row = {"date": day, "horizon": "60D", "data_quality": "partial", "ticker_id": 1}
    for column in table.columns:
        if not column.nullable and column.server_default is None:
            row.setdefault(column.name, by_type.get(column.type.python_type, {}))
    engine = database.make_engine(url, application_name="test")
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO tickers (symbol) VALUES ('AAPL') ON CONFLICT DO NOTHING"))
        connection.execute(sa.insert(table), {name: row[name] for name in row.keys() & table.columns.keys()})
    engine.dispose()


def test_up_makes_of_each_group_what_it_lacks(recorded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "_ANALYSED_SESSIONS", 1)
    both, newest = [MON, TUE], [TUE]
    lacking = {"technicals": newest, "wyckoff": newest, "etf": both, "snapshots": newest, "decisions": newest}
    workplace = prepare()
    assert up._missing(workplace, 520) == up._Missing(both, [], lacking)
    for group in ("snapshots", "decisions", "technicals", "wyckoff", "etf"):
        have(recorded, up._ANALYSES[group], TUE)
        lacking |= {group: [day for day in lacking[group] if day != TUE]}
        # What is joined, and what is decided on with it, is made anew as long as a part of it will come.
        parts = [*lacking["technicals"], *lacking["wyckoff"]]
        expected = lacking | {"snapshots": [*lacking["snapshots"], *parts][:1]}
        expected |= {"decisions": [*lacking["decisions"], *expected["snapshots"]][:1]}
        assert up._missing(workplace, 520) == up._Missing(both, [], expected)
    have(recorded, up._ANALYSES["etf"], MON)
    assert not any(up._missing(workplace, 520).analysis.values())


# --- kapman up: the real thing, in processes of its own


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**keep, "KAPMAN_HOME": str(home), "COLUMNS": "200"}


def family_of(home: Path) -> list[psutil.Process]:
    """Every process that works for this home: named in its command line or its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("KAPMAN_HOME", "")]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.status() != psutil.STATUS_ZOMBIE and any(str(home) in word for word in words):
            found.append(process)
    return found


def wait_for_line(process: "subprocess.Popen[str]", pattern: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return line
    raise AssertionError(f"ended without saying {pattern!r}:\n{''.join(lines)}")


def no_family_within(home: Path, seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (left := family_of(home)) and time.monotonic() < deadline:
        time.sleep(0.3)
    return left


def wait_for_child(home: Path, word: str) -> None:
    """Wait until a process of the home runs that has this word in its command."""
    deadline = time.monotonic() + 60
    while not any(word in process.cmdline() for process in family_of(home)):
        assert time.monotonic() < deadline, [process.cmdline() for process in family_of(home)]
        time.sleep(0.2)


def start_up(home: Path, port: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [KAPMAN, "up", "--headless", "--port", str(port), "--sessions", "25"],
        cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.xdist_group("up")
@pytest.mark.timeout(400)
def test_up_serves_a_materialised_market_and_leaves_nothing_behind() -> None:
    home = open_directory() / "home"
    port = free_port()
    # A small market: `up` keeps the first sessions that an existing one has.
    arguments = [KAPMAN, "simulate", "--sessions", "25", "--chain-sessions", "1"]
    subprocess.run(arguments, cwd=PROJECT, env=environment(home), check=True, timeout=120, capture_output=True)
    process = start_up(home, port)
    try:
        wait_for_line(process, f"http://127.0.0.1:{port}")
        query = """{ assetNodeOrError(assetKey: {path: ["ohlcv"]}) { ... on AssetNode {
            assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startKey endKey } } } } } }"""
        answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": query}, timeout=60).json()
        ranges = answer["data"]["assetNodeOrError"]["assetPartitionStatuses"]["ranges"]
        assert len(ranges) == 1
        days = sessions_between(date.fromisoformat(ranges[0]["startKey"]), date.fromisoformat(ranges[0]["endKey"]))
        assert len(days) == 25
        # A second one in the same home would be a second daemon on the same storage.
        second = start_up(home, free_port())
        wait_for_line(second, "already up")
        assert second.wait(timeout=30) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    assert no_family_within(home, 20) == []

    # The second start finds everything there; this time the process is killed without a chance to clean up.
    again = start_up(home, port)
    try:
        wait_for_line(again, "Everything that is published is stored")
        wait_for_child(home, "code-server")
        again.send_signal(signal.SIGKILL)
        again.wait(timeout=30)
        # The kernel ends the children; the database waits for its next user, who finds and later stops it.
        left = [p for p in no_family_within(home, 30) if "postgres" not in p.name()]
        assert left == []
    finally:
        again.kill()
    done = subprocess.run([KAPMAN, "db", "status"], cwd=PROJECT, env=environment(home), check=False, timeout=60)
    assert done.returncode == 0
    assert no_family_within(home, 20) == []


INTERRUPTED = """
import os, signal, sys
from kapman_assets.market import ohlcv_store
from kapman_assets.cli.main import app

# Ctrl-C while a session is being written.
ohlcv_store._touch_tickers = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
app(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["materialize --session 2026-03-02", "up --headless --port {port}"])
def test_ctrl_c_in_the_middle_of_a_run_ends_the_command(recorded: str, command: str) -> None:
    arguments = command.format(port=free_port()).split()
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments], check=False, timeout=120, capture_output=True, text=True
    )
    # What a shell calls a command that was interrupted.
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "Ctrl-C stops everything" not in done.stdout
    assert count(recorded) == 0


@pytest.mark.usefixtures("recorded")
def test_up_says_when_its_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = run("up", "--headless", "--port", str(taken.getsockname()[1]))
    assert (code, "is taken" in said, "--port" in said) == (1, True, True), said


def test_a_child_that_dies_is_named_with_its_log_and_the_others_stop(tmp_path: Path) -> None:
    sleeper = Child("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), {}, tmp_path / "a.log", None)
    program = "import time; print('out of luck', flush=True); time.sleep(1); raise SystemExit(3)"
    dying = Child("dying", (sys.executable, "-c", program), {}, tmp_path / "b.log", None)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(KapmanError, match=r"The dying ended with code 3\.[\s\S]*out of luck"):
        run_until_stopped([sleeper, dying], on_ready=lambda: None)
    assert set(psutil.Process().children(recursive=True)) <= before
