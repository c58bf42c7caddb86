"""What is on disk after any sequence of calls: the same market, whole, or none."""

import gzip
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from kapman_resources.errors import ConfigurationError
from kapman_resources.sessions import sessions_between
from kapman_resources.settings import MARKET_MARKER
from kapman_resources.simulation import MarketPlan, simulate
from tests.unit.simulation.markets import FIRST, LAST, MIDDLE, content, plan_of


def test_the_same_plan_gives_the_same_bytes(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=LAST)
    assert content(tmp_path) == content(market)


def test_another_seed_gives_another_market(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(seed=8), through=FIRST)
    ours, others = content(tmp_path), content(market)
    name = f"flatfiles/us_stocks_sip/day_aggs_v1/2026/01/{FIRST}.csv.gz"
    assert ours[name] != others[name]


def test_a_longer_market_begins_with_the_shorter_one(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=MIDDLE)
    shorter = {name: data for name, data in content(tmp_path).items() if name.startswith("flatfiles")}
    assert len(shorter) == len(sessions_between(FIRST, MIDDLE))
    assert shorter.items() <= content(market).items()


def test_appending_equals_one_call_and_leaves_old_files_alone(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=MIDDLE)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv.gz")}
    report = simulate(tmp_path, plan_of(), through=LAST)
    assert content(tmp_path) == content(market)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert report.files_written == len(sessions_between(MIDDLE, LAST)) - 1
    assert report.sessions == len(sessions_between(FIRST, LAST))


def test_an_earlier_end_changes_nothing(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=LAST)
    report = simulate(tmp_path, plan_of(), through=MIDDLE)
    assert (report.last_session, report.files_written) == (LAST, 0)
    assert content(tmp_path) == content(market)


def test_another_plan_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=FIRST)
    before = content(tmp_path)
    with pytest.raises(ConfigurationError, match="--force") as refusal:
        simulate(tmp_path, plan_of(names=61), through=LAST)
    assert str(tmp_path) in str(refusal.value)
    assert content(tmp_path) == before


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    recording = tmp_path / "flatfiles" / "recorded.csv.gz"
    recording.parent.mkdir()
    recording.write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="no simulated market"):
        simulate(tmp_path, plan_of(), through=FIRST)
    assert content(tmp_path) == {"flatfiles/recorded.csv.gz": b"mine"}


def test_a_market_without_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no session"):
        simulate(tmp_path, plan_of(first_session=date(2026, 1, 17)), through=date(2026, 1, 19))


def test_missing_files_are_completed(market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, plan_of(), through=LAST)
    files = sorted(tmp_path.rglob("*.csv.gz"))
    for path in (files[3], files[-1], tmp_path / MARKET_MARKER, tmp_path / "labels" / "faults.csv"):
        path.unlink()
    files[3].with_name(f".{files[3].name}.tmp").write_bytes(b"cut o")
    simulate(tmp_path, plan_of(), through=LAST)
    assert content(tmp_path) == content(market)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_killed_call_is_completed_by_the_next_one(market: Path, tmp_path: Path) -> None:
    plan_file = tmp_path / "given.json"
    plan_file.write_text(json.dumps(plan_of().to_json()))
    directory = tmp_path / "killed"
    script = (
        "import json, sys, time; from datetime import date; from pathlib import Path\n"
        "from kapman_resources.simulation import MarketPlan, simulate\n"
        "plan = MarketPlan.from_json(json.loads(Path(sys.argv[1]).read_text()))\n"
        "slowly = lambda done, total: time.sleep(0.05)\n"
        "simulate(Path(sys.argv[2]), plan, through=date.fromisoformat(sys.argv[3]), on_progress=slowly)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(plan_file), str(directory), str(LAST)])
    deadline = time.monotonic() + 30
    while len(list(directory.rglob("*.csv.gz"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not (directory / MARKET_MARKER).exists()
    for path in directory.rglob("[!.]*.csv.gz"):
        assert gzip.decompress(path.read_bytes()).endswith(b"\n")

    with pytest.raises(ConfigurationError, match="another plan"):
        simulate(directory, plan_of(seed=8), through=LAST)
    simulate(directory, plan_of(), through=LAST)
    assert content(directory) == content(market)


def test_two_calls_at_once_give_one_market(market: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(simulate, tmp_path, plan_of(), through=LAST) for _ in range(2)]
    written = sorted(call.result().files_written for call in calls)
    assert written == [0, len(sessions_between(FIRST, LAST))]
    assert content(tmp_path) == content(market)


def test_the_marker_tells_the_plan_and_the_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(tmp_path, plan_of(), through=MIDDLE, on_progress=lambda *step: told.append(step))
    total = len(sessions_between(FIRST, MIDDLE))
    assert told == [(done, total) for done in range(1, total + 1)]
    marker = json.loads((tmp_path / MARKET_MARKER).read_text())
    assert marker["market"] == "simulated"
    assert marker["last_session"] == str(MIDDLE)
    assert MarketPlan.from_json(marker["plan"]) == plan_of()
