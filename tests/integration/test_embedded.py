"""The embedded server in every state it can be found in: fresh, running, killed, stale, shared, unwanted."""

import os
import pwd
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from kapman_resources import embedded
from tests.conftest import open_directory

START = """
import sys
from pathlib import Path
from kapman_resources import embedded
from tests.conftest import open_directory
server = embedded.start(Path(sys.argv[1]))
print(server.pid, flush=True)
"""


@pytest.fixture
def data_dir() -> Path:
    return open_directory() / "postgres"


def client(data_dir: Path, after: str = "", **options: object) -> "subprocess.Popen[str]":
    """A process of its own that starts or joins the server and then runs `after`."""
    program = START + textwrap.dedent(after)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE, text=True, **options
    )  # type: ignore[call-overload,no-any-return]


def started_pid(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def rest_of(process: "subprocess.Popen[str]") -> str:
    """What it printed after its first line, once it has ended well."""
    assert process.stdout is not None
    text = process.stdout.read()
    assert process.wait(timeout=60) == 0
    return text


def ordinary_python() -> str | None:
    """An interpreter of this version that every user may run; None if there is none."""
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        folders = Path(candidate).resolve().parents
        if Path(candidate).exists() and all(folder.stat().st_mode & 0o001 for folder in folders):
            return candidate
    return None


def is_gone(pid: int) -> bool:
    """Whether the process ends within half a minute, which a busy disk may take to write its last checkpoint."""
    for _ in range(300):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


def test_both_databases_answer_and_the_server_ends_with_its_last_user(data_dir: Path) -> None:
    program = """
    import psycopg
    for name in (embedded.WAREHOUSE, embedded.DAGSTER):
        with psycopg.connect(server.url(name)) as connection:
            version = connection.execute("SHOW server_version_num").fetchone()[0]
            print(name, int(version) // 10000)
    """
    process = client(data_dir, program)
    pid = started_pid(process)
    out = rest_of(process)
    assert out.split("\n")[:2] == ["warehouse 18", "dagster 18"]
    assert is_gone(pid)


def test_a_second_process_joins_and_the_first_may_leave(data_dir: Path) -> None:
    first = client(data_dir, "sys.stdin.read()", stdin=subprocess.PIPE)
    pid = started_pid(first)
    second = client(data_dir, "sys.stdin.read()", stdin=subprocess.PIPE)
    assert started_pid(second) == pid
    first.communicate("")
    assert psutil.pid_exists(pid)
    second.communicate("")
    assert is_gone(pid)


def test_two_processes_starting_at_once_share_one_server(data_dir: Path) -> None:
    both = [client(data_dir, "sys.stdin.read()", stdin=subprocess.PIPE) for _ in range(2)]
    pids = {started_pid(process) for process in both}
    assert len(pids) == 1
    for process in both:
        process.communicate("")
    assert is_gone(pids.pop())


def test_data_survives_a_killed_server(data_dir: Path) -> None:
    server = embedded.start(data_dir)
    with psycopg.connect(server.url(embedded.WAREHOUSE), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    psutil.Process(server.pid).kill()
    assert is_gone(server.pid)
    process = client(
        data_dir,
        """
        import psycopg
        with psycopg.connect(server.url("warehouse")) as connection:
            print(connection.execute("SELECT n FROM kept").fetchone()[0])
        """,
    )
    assert started_pid(process) != server.pid
    assert rest_of(process).strip() == "42"


def test_whoever_leaves_last_stops_a_server_that_another_restarted(data_dir: Path) -> None:
    first = client(data_dir, "sys.stdin.read()", stdin=subprocess.PIPE)
    killed = started_pid(first)
    psutil.Process(killed).kill()
    assert is_gone(killed)
    second = client(data_dir)
    restarted = started_pid(second)
    assert rest_of(second) == ""
    assert psutil.pid_exists(restarted)
    first.communicate("")
    assert is_gone(restarted)


@pytest.mark.parametrize("pid", ["garbage", "999999999", "own"])
def test_a_stale_lock_file_is_removed(data_dir: Path, pid: str) -> None:
    process = client(data_dir)
    assert is_gone(started_pid(process))
    process.wait(timeout=30)
    text = str(os.getpid()) if pid == "own" else pid
    lock = data_dir / "postmaster.pid"
    lock.write_text(f"{text}\n{data_dir}\n1700000000\n5432\n{data_dir}\n\n  1 2\nready   \n")
    again = client(data_dir)
    assert started_pid(again) not in {os.getpid(), 999999999}
    assert again.wait(timeout=60) == 0


def test_a_killed_client_does_not_keep_the_server_alive(data_dir: Path) -> None:
    killed = client(data_dir, "sys.stdin.read()", stdin=subprocess.PIPE)
    pid = started_pid(killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=10)
    assert psutil.pid_exists(pid)
    last = client(data_dir)
    assert started_pid(last) == pid
    last.wait(timeout=60)
    assert is_gone(pid)


def test_a_path_too_long_for_a_socket_works(data_dir: Path) -> None:
    process = client(data_dir.parent / ("long" * 30) / "postgres", "print(len(str(server.socket_dir)) < 100)")
    pid = started_pid(process)
    assert rest_of(process).strip() == "True"
    assert is_gone(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_an_ordinary_user(data_dir: Path) -> None:
    python = ordinary_python()
    if python is None:
        pytest.skip("no interpreter of this version that an ordinary user may run")
    user = pwd.getpwnam("nobody")
    data_dir.parent.chmod(0o777)
    for folder in data_dir.parents:
        folder.chmod(folder.stat().st_mode | 0o011)
    process = subprocess.Popen(
        [python, "-c", START, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd=data_dir.parent,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir.parent),
            "PYTHONPATH": os.pathsep.join([str(Path(embedded.__file__).parents[1]), sysconfig.get_path("purelib")]),
        },
    )
    pid = started_pid(process)
    assert rest_of(process) == ""
    assert (data_dir / "PG_VERSION").stat().st_uid == user.pw_uid
    assert is_gone(pid)


def test_a_server_that_cannot_start_says_why(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client(data_dir)
    assert is_gone(started_pid(first))
    first.wait(timeout=30)
    (data_dir / "postgresql.conf").write_text("this is not a setting\n")
    monkeypatch.setattr(embedded, "_START_SECONDS", 1.0)
    with pytest.raises(embedded.EmbeddedServerError, match=r"did not start[\s\S]*syntax error"):
        embedded.start(data_dir)
