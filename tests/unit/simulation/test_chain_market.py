"""Chains on disk after any sequence of calls, and the command that asks for them."""

import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kapman_assets.cli.simulate import write_market
from kapman_resources.errors import ConfigurationError
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import MARKET_MARKER
from kapman_resources.simulation import MarketPlan, simulate
from kapman_resources.simulation.market import PLAN_FILE
from tests.unit.simulation.markets import CHAIN_FIRST, LAST, chain_plan_of, content

CHAINS = "rest/v3/snapshot/options"


def chain_content(directory: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(directory).items() if name.startswith(CHAINS)}


def test_a_longer_market_begins_with_the_same_chains(chain_market: Path, tmp_path: Path) -> None:
    middle = session_offset(CHAIN_FIRST, 4)
    report = simulate(tmp_path, chain_plan_of(), through=middle)
    shorter = chain_content(tmp_path)
    assert report.chain_sessions == len(sessions_between(CHAIN_FIRST, middle))
    assert report.pages_written == len(shorter)
    assert shorter.items() <= chain_content(chain_market).items()

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.gz") if CHAINS in str(path)}
    simulate(tmp_path, chain_plan_of(), through=LAST)
    assert content(tmp_path) == content(chain_market)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_seed_gives_other_chains(chain_market: Path, tmp_path: Path) -> None:
    simulate(tmp_path, chain_plan_of(seed=8), through=CHAIN_FIRST)
    ours, others = chain_content(tmp_path), chain_content(chain_market)
    differ = {name.split("/")[5] for name, data in ours.items() if others.get(name) != data}
    assert {"AAA", "SPY"} <= differ


def test_the_stocks_are_the_same_without_chains(chain_market: Path, tmp_path: Path) -> None:
    report = simulate(tmp_path, chain_plan_of(first_chain_session=None), through=LAST)
    assert (report.chain_sessions, report.pages_written, report.contracts_written) == (0, 0, 0)
    assert chain_content(tmp_path) == {}
    bars = {name: data for name, data in content(tmp_path).items() if name.startswith("flatfiles")}
    assert bars.items() <= content(chain_market).items()


def test_missing_pages_are_completed_and_others_left_alone(tmp_path: Path) -> None:
    through = session_offset(CHAIN_FIRST, 3)
    simulate(tmp_path, chain_plan_of(), through=through)
    whole = content(tmp_path)
    files = sorted((tmp_path / CHAINS).rglob("*.gz"))
    second = next(path for path in files if path.name == "0002.json.gz")
    gone = {files[0], second, files[-1]}
    kept = {path: path.stat().st_mtime_ns for path in files if path not in gone}
    rows = sum(len(json.loads(gzip.decompress(path.read_bytes()))["results"]) for path in gone)
    for path in gone:
        path.unlink()
    report = simulate(tmp_path, chain_plan_of(), through=through)
    assert (report.pages_written, report.contracts_written) == (len(gone), rows)
    assert content(tmp_path) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_call_killed_among_the_chains_is_completed(chain_market: Path, tmp_path: Path) -> None:
    plan_file = tmp_path / "given.json"
    plan_file.write_text(json.dumps(chain_plan_of().to_json()))
    directory = tmp_path / "killed"
    script = (
        "import json, sys, time; from datetime import date; from pathlib import Path\n"
        "from kapman_resources.simulation import MarketPlan, simulate\n"
        "plan = MarketPlan.from_json(json.loads(Path(sys.argv[1]).read_text()))\n"
        "slowly = lambda done, total: time.sleep(0.1 if done > 22 else 0)\n"
        "simulate(Path(sys.argv[2]), plan, through=date.fromisoformat(sys.argv[3]), on_progress=slowly)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(plan_file), str(directory), str(LAST)])
    deadline = time.monotonic() + 60
    while len(list(directory.rglob("[!.]*.json.gz"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not (directory / MARKET_MARKER).exists()
    found = list((directory / CHAINS).rglob("[!.]*.json.gz"))
    assert 5 <= len(found) < len(chain_content(chain_market))
    for path in found:
        assert json.loads(gzip.decompress(path.read_bytes()))["status"] == "OK"

    simulate(directory, chain_plan_of(), through=LAST)
    assert content(directory) == content(chain_market)
    assert not list(directory.rglob("*.tmp"))


def test_the_marker_tells_the_plan_of_the_chains(chain_market: Path) -> None:
    marker = json.loads((chain_market / MARKET_MARKER).read_text())
    assert MarketPlan.from_json(marker["plan"]) == chain_plan_of()
    assert marker["plan"]["first_chain_session"] == str(CHAIN_FIRST)


def test_a_market_of_an_older_format_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    plan = {"first_session": str(CHAIN_FIRST), "watched": [], "dead": []}
    (tmp_path / PLAN_FILE).write_text(json.dumps({"format": 1, "plan": plan}))
    with pytest.raises(ConfigurationError, match=r"format 1.*kapman simulate --force"):
        simulate(tmp_path, chain_plan_of(), through=LAST)
    with pytest.raises(ConfigurationError, match="kapman simulate --force"):
        write_market(tmp_path)


def test_the_command_keeps_the_first_chain_session_of_a_market(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "market"
    write_market(target, names=200, sessions=4, chain_sessions=2)
    assert "Option chains of 2 sessions" in " ".join(capsys.readouterr().out.split())
    written = chain_content(target)
    days = sorted(path.name.removesuffix(".csv.gz") for path in target.rglob("*.csv.gz"))
    assert sorted({name.split("/")[4] for name in written}) == days[-2:]
    write_market(target, names=200, sessions=4, chain_sessions=4)
    assert chain_content(target) == written

    bare = tmp_path / "bare"
    write_market(bare, names=200, sessions=2, chain_sessions=0)
    write_market(bare, names=200, sessions=2)
    assert chain_content(bare) == {}
