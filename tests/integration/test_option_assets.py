"""The options domain through Dagster: recorded and live chains, what fails and what stays, and the metrics."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from kapman_assets.definitions import build_defs
from kapman_assets.options import assets
from kapman_assets.options.ingest import is_shown
from kapman_resources.dagster_resources import FlatFilesResource, PolygonResource, Warehouse
from kapman_resources.sessions import sessions_between
from tests.chain_pages import at_close, pages_of, record, vendor_row
from tests.integration.conftest import run_range
from tests.market_files import write_day
from tests.servers import Answer, Request, Server, serving

SESSION = date(2026, 8, 21)
MONTHS = [date(2026, 9, 18), date(2026, 10, 16), date(2026, 11, 20)]
KEY = "the-secret-key"

Graph = Callable[..., dg.Definitions]


@pytest.fixture
def graph(engine: sa.Engine, files: Path, tmp_path: Path) -> Graph:
    """The graph on the test's warehouse; its chains come from a directory unless the test says an address."""
    (tmp_path / "rest").mkdir()

    def build(location: str | None = None) -> dg.Definitions:
        return build_defs(
            resource_overrides={
                "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
                "flat_files": FlatFilesResource(location=str(files)),
                "polygon": PolygonResource(
                    location=location or str(tmp_path / "rest"), api_key=KEY, raw_location=str(tmp_path / "raw")
                ),
            }
        )

    return build


def watch(engine: sa.Engine, *symbols: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO tickers (symbol, options_enabled) SELECT unnest(CAST(:symbols AS text[])), true "
                "ON CONFLICT (symbol) DO UPDATE SET options_enabled = true"
            ),
            {"symbols": list(symbols)},
        )


def chain_of(symbol: str, session: date = SESSION, *, spot: float = 100.0, oi: int = 100) -> list[dict[str, Any]]:
    """Three expiries of calls and puts around the spot with a flat smile and no greeks: the metrics must price them."""
    return [
        vendor_row(symbol, session, expiry, kind, strike, oi=oi + round(strike), iv=0.2 + 0.02 * number, spot=spot)
        for number, expiry in enumerate(MONTHS)
        for strike in (80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0)
        for kind in ("call", "put")
    ]


def statuses(engine: sa.Engine, session: date = SESSION) -> dict[str, tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("""
                SELECT t.symbol, s.status, (SELECT count(*) FROM options_chains c
                                            WHERE c.date = s.date AND c.ticker_id = s.ticker_id)
                FROM options_chain_status s JOIN tickers t USING (ticker_id) WHERE s.date = :session"""),
            {"session": session},
        )
        return {symbol: (status, contracts) for symbol, status, contracts in rows}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data
    return str(data.user_failure_data.description if data.user_failure_data else data.error)


def snapshot_of(engine: sa.Engine, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table but for who wrote it when."""
    with engine.connect() as connection:
        columns = [c["name"] for c in sa.inspect(engine).get_columns(table) if c["name"] not in {"run_id", "stored_at"}]
        rows = connection.execute(sa.text(f"SELECT {', '.join(columns)} FROM {table}")).all()
    return sorted((tuple(row) for row in rows), key=repr)


METRICS = ("volatility_metrics", "price_metrics", "dealer_metrics")


def test_recorded_chains_are_stored_and_each_name_has_its_status(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "WHOLE", "SHORT", "NONE", "GONE")
    rest = tmp_path / "rest"
    record(rest, SESSION, "WHOLE", pages_of("WHOLE", chain_of("WHOLE")))
    many = [vendor_row("SHORT", SESSION, MONTHS[0], "call", 50 + n / 4) for n in range(300)]
    record(rest, SESSION, "SHORT", pages_of("SHORT", many)[:1])
    record(rest, SESSION, "NONE", pages_of("NONE", []))
    result = run_range(graph(), instance, ["options_chains", *METRICS], SESSION, SESSION)
    assert result.success
    assert statuses(engine) == {
        "WHOLE": ("COMPLETE", 42),
        "SHORT": ("INCOMPLETE", 250),
        "NONE": ("NO_OPTIONS", 0),
        "GONE": ("FAILED", 0),
    }
    with engine.connect() as connection:
        row = connection.execute(
            sa.text("""
                SELECT s.* FROM options_chain_status s JOIN tickers t USING (ticker_id) WHERE t.symbol = 'WHOLE'""")
        ).one()
        reasons = dict(
            connection.execute(
                sa.text("SELECT t.symbol, s.reason FROM options_chain_status s JOIN tickers t USING (ticker_id)")
            ).all()
        )
    assert (row.pages, row.contracts, row.spot, row.spot_source) == (1, 42, 100, "chain")
    assert (row.snapshot_ts, row.oi_session) == (at_close(SESSION), date(2026, 8, 20))
    assert row.uri.endswith("WHOLE/20260821T202000Z")
    assert reasons["WHOLE"] is None
    assert "0001.json.gz is not the last page" in reasons["SHORT"]
    assert "No page of GONE on 2026-08-21" in reasons["GONE"]
    checks = checks_of(result)
    assert not checks["all_taken"].passed
    assert checks["all_taken"].severity is dg.AssetCheckSeverity.ERROR
    assert "GONE FAILED, SHORT INCOMPLETE" in str(checks["all_taken"].description)
    assert checks["metrics_for_each_chain"].passed


def test_dagster_knows_which_columns_each_number_comes_from(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA")
    record(tmp_path / "rest", SESSION, "AAA", pages_of("AAA", chain_of("AAA")))
    keys = ["options_chains", "options_daily_summary", *METRICS]
    assert run_range(graph(), instance, keys, SESSION, SESSION).success
    for key, column, origin in (
        ("options_daily_summary", "total_call_oi", "open_interest"),
        ("dealer_metrics", "net_gex", "gamma"),
        ("volatility_metrics", "iv_30d", "implied_volatility"),
    ):
        event = instance.get_latest_materialization_event(dg.AssetKey(key))
        assert event is not None
        lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
        assert dg.TableColumnDep(dg.AssetKey("options_chains"), origin) in lineage.deps_by_column[column]


def test_metrics_are_those_of_the_formulas(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA")
    record(tmp_path / "rest", SESSION, "AAA", pages_of("AAA", chain_of("AAA")))
    assert run_range(graph(), instance, ["options_chains", *METRICS], SESSION, SESSION).success
    with engine.connect() as connection:
        volatility = connection.execute(sa.text("SELECT * FROM volatility_metrics")).one()
        dealer = connection.execute(sa.text("SELECT * FROM dealer_metrics")).one()
        price = connection.execute(sa.text("SELECT * FROM price_metrics")).one()
    # Expiries after 28, 56 and 91 days at 20, 22 and 24 %: linear in total variance.
    for days, ((near, low), (far, high)) in {30: ((28, 0.20), (56, 0.22)), 60: ((56, 0.22), (91, 0.24))}.items():
        share = (days - near) / (far - near)
        variance = (1 - share) * low**2 * near + share * high**2 * far
        assert getattr(volatility, f"iv_{days}d") == pytest.approx(math.sqrt(variance / days), rel=1e-12)
    assert (volatility.iv_rank, volatility.history_n) == (None, 0)
    assert volatility.null_reasons["iv_rank"] == "SHORT_HISTORY"
    assert volatility.pcr_oi == 1
    # Every strike has as many calls as puts: net exposure is zero everywhere, and there is no flip to speak of.
    assert dealer.net_gex == pytest.approx(0, abs=1e-6)
    gross = 0.0
    for row in chain_of("AAA"):
        expiry = date.fromisoformat(row["details"]["expiration_date"])
        years, iv, strike = (expiry - SESSION).days / 365, row["implied_volatility"], row["details"]["strike_price"]
        d1 = (math.log(100 / strike) + iv * iv / 2 * years) / (iv * math.sqrt(years))
        gamma = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi) / (100 * iv * math.sqrt(years))
        gross += gamma * row["open_interest"] * 100 * 100**2 * 0.01
    assert dealer.gross_gex == pytest.approx(gross, rel=1e-12)
    assert (dealer.dealer_status, dealer.spot, dealer.contracts) == ("FULL", 100, 42)
    assert (price.hv_20, price.null_reasons["hv_20"]) == (None, "GAP_IN_BARS")


@pytest.mark.no_cover  # long, and the others trace the same code
def test_a_session_alone_is_the_same_as_in_a_range_and_knows_nothing_later(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, files: Path, tmp_path: Path
) -> None:
    sessions = sessions_between(date(2026, 8, 17), SESSION)
    watch(engine, "AAA", "BBB")
    for number, session in enumerate(sessions):
        spots = {"AAA": 100 + 3 * math.sin(number), "BBB": 95 + number / 10}
        write_day(files, session, {s: (p, p + 1, p - 1, p, 1000 + 10 * number) for s, p in spots.items()})
        for symbol, spot in spots.items():
            rows = chain_of(symbol, session, spot=spot, oi=50 + 7 * number)
            record(tmp_path / "rest", session, symbol, pages_of(symbol, rows))
    keys = ["ohlcv", "options_chains", *METRICS]
    # One session after the other, each before anything later exists ...
    for session in sessions:
        assert run_range(graph(), instance, keys, session, session).success
    alone = {table: snapshot_of(engine, table) for table in METRICS}
    # ... and the whole history at once, over it.
    assert run_range(graph(), instance, keys, sessions[0], SESSION).success
    assert {table: snapshot_of(engine, table) for table in METRICS} == alone
    # A session in the middle again, with everything after it stored.
    assert run_range(graph(), instance, keys, sessions[2], sessions[2]).success
    assert {table: snapshot_of(engine, table) for table in METRICS} == alone
    assert len(alone["dealer_metrics"]) == 2 * len(sessions)


def test_option_maths_is_on_the_raw_spot_and_realised_volatility_on_adjusted_bars(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, files: Path, tmp_path: Path
) -> None:
    sessions = sessions_between(date(2026, 7, 20), SESSION)
    watch(engine, "AAA")
    split = sessions[-5]
    for number, session in enumerate(sessions):
        close = (100.0 + number % 2) * (1 if session >= split else 4)
        write_day(files, session, {"AAA": (close, close, close, close, 1000 / close)})
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO splits (ticker_id, execution_date, split_from, split_to, applies_from, price_factor) "
                "SELECT ticker_id, :day, 1, 4, '0001-01-01', 0.25 FROM tickers"
            ),
            {"day": split},
        )
    # A plan that does not give the underlying's price: the session's own raw close stands for it.
    rows = chain_of("AAA")
    for row in rows:
        row["underlying_asset"] = {"ticker": "AAA"}
    record(tmp_path / "rest", SESSION, "AAA", pages_of("AAA", rows))
    assert run_range(graph(), instance, ["ohlcv"], sessions[0], SESSION).success
    assert run_range(graph(), instance, ["options_chains", *METRICS], SESSION, SESSION).success
    with engine.connect() as connection:
        spot, source = connection.execute(sa.text("SELECT spot, spot_source FROM options_chain_status")).one()
        hv = connection.scalar(sa.text("SELECT hv_20 FROM price_metrics"))
    assert (spot, source) == (100.0 + (len(sessions) - 1) % 2, "ohlcv")
    returns = [math.log(101 / 100) * (1 if n % 2 else -1) for n in range(20)]
    mean = sum(returns) / 20
    assert hv == pytest.approx(math.sqrt(sum((r - mean) ** 2 for r in returns) / 19 * 252), rel=1e-9)


# --- Live -------------------------------------------------------------------------------------------------------


class Vendor:
    """The chain endpoint: each name's rows, and answers to give instead the next times it is asked."""

    def __init__(self, chains: dict[str, list[dict[str, Any]]]) -> None:
        self.chains = chains
        self.instead: dict[tuple[str, int], list[Answer]] = {}

    def __call__(self, request: Request) -> Answer:
        """What the vendor says."""
        symbol = request.path.rsplit("/", 1)[1]
        page = int(request.query.get("cursor", 0))
        if waiting := self.instead.get((symbol, page)):
            return waiting.pop(0)
        return Answer(body=pages_of(symbol, self.chains.get(symbol, []))[page])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor shows the test's session, whatever the clock says; and nobody waits for another attempt."""
    monkeypatch.setattr(assets, "is_shown", lambda *_: True)
    monkeypatch.setattr(assets, "_RETRY_SECONDS", 0.0)
    monkeypatch.setenv("KAPMAN_ENV", "prod")


REFUSED = Answer(403, b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}')
REJECTED = Answer(401, b'{"status":"ERROR","error":"Unknown API Key"}')
BUSY = Answer(503, b"<html>busy</html>", {"Retry-After": "0"})


def asked(server: Server) -> list[str]:
    return sorted({request.path.rsplit("/", 1)[1] for request in server.requests})


@pytest.mark.usefixtures("shown")
def test_live_chains_are_kept_raw_and_stored_and_a_second_run_asks_only_for_the_rest(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA", "BBB", "NONE")
    wide = [vendor_row("BBB", SESSION, MONTHS[0], "call", 50 + n / 4, spot=100.0) for n in range(300)]
    vendor = Vendor({"AAA": chain_of("AAA"), "BBB": wide})
    vendor.instead[("BBB", 1)] = [REFUSED]
    with serving(vendor) as server:
        result = run_range(graph(server.url), instance, ["options_chains", *METRICS], SESSION, SESSION)
        assert result.success
        assert statuses(engine) == {"AAA": ("COMPLETE", 42), "BBB": ("INCOMPLETE", 250), "NONE": ("NO_OPTIONS", 0)}
        first = next(request for request in server.requests if request.path.endswith("/AAA"))
        assert first.headers["authorization"] == f"Bearer {KEY}"
        assert first.query["expiration_date.lte"] == "2026-12-19"
        kept = sorted(path.relative_to(tmp_path / "raw").parts for path in (tmp_path / "raw").rglob("*.json.gz"))
        assert [(parts[3], parts[4], parts[6]) for parts in kept] == [
            ("2026-08-21", "AAA", "0001.json.gz"),
            ("2026-08-21", "BBB", "0001.json.gz"),
            ("2026-08-21", "NONE", "0001.json.gz"),
        ]
        del server.requests[:]
        time.sleep(1.1)  # A take is named after its second.
        assert run_range(graph(server.url), instance, ["options_chains", *METRICS], SESSION, SESSION).success
        assert asked(server) == ["BBB"]
    assert statuses(engine)["BBB"] == ("COMPLETE", 300)
    stored = {table: snapshot_of(engine, table) for table in ("options_chains", *METRICS)}
    # The same session years later: from what was kept, and equal.
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM options_chains"))
        connection.execute(sa.text("DELETE FROM options_chain_status"))
    (tmp_path / "raw").rename(tmp_path / "recorded")
    replayed = graph(str(tmp_path / "recorded"))
    assert run_range(replayed, instance, ["options_chains", *METRICS], SESSION, SESSION).success
    assert {table: snapshot_of(engine, table) for table in stored} == stored


@pytest.mark.usefixtures("shown")
def test_a_second_run_that_brings_nothing_new_leaves_and_counts_what_is_stored(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph
) -> None:
    watch(engine, "AAA", "BBB")
    vendor = Vendor({"AAA": chain_of("AAA"), "BBB": chain_of("BBB")})
    vendor.instead[("BBB", 0)] = [REFUSED] * 2
    with serving(vendor) as server:
        for expected in (("FAILED", 42), ("FAILED", 42), ("COMPLETE", 84), ("COMPLETE", 84)):
            result = run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION)
            assert result.success
            (event,) = result.get_asset_materialization_events()
            rows = event.materialization.metadata["dagster/row_count"].value
            assert (statuses(engine)["BBB"][0], rows) == expected
            assert statuses(engine)["AAA"] == ("COMPLETE", 42)
        assert len(server.requests) == 4


@pytest.mark.usefixtures("shown")
def test_a_vendor_that_stumbles_is_asked_again_by_the_same_run(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph
) -> None:
    watch(engine, "AAA", "BBB")
    vendor = Vendor({"AAA": chain_of("AAA"), "BBB": chain_of("BBB")})
    # More often than one attempt at a chain tries.
    vendor.instead[("BBB", 0)] = [BUSY] * 7
    with serving(vendor) as server:
        result = run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION)
        assert result.success
        assert [request.path.endswith("/AAA") for request in server.requests].count(True) == 1
    assert statuses(engine) == {"AAA": ("COMPLETE", 42), "BBB": ("COMPLETE", 42)}
    assert checks_of(result)["all_taken"].passed


@pytest.mark.usefixtures("shown")
def test_a_key_revoked_in_the_middle_ends_the_asking_and_is_in_no_event(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kapman_assets.options.ingest.NAMES_AT_ONCE", 1)
    symbols = [f"N{number:02d}" for number in range(30)]
    watch(engine, *symbols)
    vendor = Vendor({symbol: chain_of(symbol) for symbol in symbols})
    for symbol in symbols[3:]:
        vendor.instead[(symbol, 0)] = [REJECTED] * 9
    with serving(vendor) as server:
        result = run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION)
        assert len(server.requests) == 4
    assert result.success
    found = statuses(engine)
    assert [found[symbol][0] for symbol in symbols] == ["COMPLETE"] * 3 + ["FAILED"] * 27
    with engine.connect() as connection:
        reasons = set(connection.scalars(sa.text("SELECT reason FROM options_chain_status WHERE status = 'FAILED'")))
    assert len(reasons) == 1
    assert "POLYGON_API_KEY" in reasons.pop()
    events = "".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert KEY not in events
    assert not checks_of(result)["all_taken"].passed


@pytest.mark.usefixtures("shown")
def test_a_plan_without_chains_fails_and_says_so(engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph) -> None:
    watch(engine, "AAA", "BBB")
    with serving(lambda _: REFUSED) as server:
        result = run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION)
        assert len(server.requests) == 2
    assert not result.success
    assert "not one of 2 chains came" in failure_of(result)
    assert "You are not entitled" in failure_of(result)


@pytest.mark.usefixtures("shown")
def test_a_raw_store_that_cannot_be_written_costs_no_chain(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA")
    (tmp_path / "raw").write_text("a file where a directory should be")
    with serving(Vendor({"AAA": chain_of("AAA")})) as server:
        assert run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION).success
    assert statuses(engine) == {"AAA": ("COMPLETE", 42)}
    with engine.connect() as connection:
        assert "RAW_URL" in str(connection.scalar(sa.text("SELECT reason FROM options_chain_status")))


def test_a_past_session_is_never_filled_with_todays_chains(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA")
    with serving(Vendor({"AAA": chain_of("AAA")})) as server:
        result = run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION)
        assert not result.success
        assert "2026-08-21: the vendor shows only its newest chains" in failure_of(result)
        record(tmp_path / "raw", SESSION, "AAA", pages_of("AAA", chain_of("AAA")))
        assert run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION).success
        assert server.requests == []
    assert statuses(engine) == {"AAA": ("COMPLETE", 42)}


def test_a_range_keeps_what_it_has_and_names_what_it_has_not(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA")
    days = sessions_between(date(2026, 8, 18), SESSION)
    for session in (days[0], days[2]):
        record(tmp_path / "rest", session, "AAA", pages_of("AAA", chain_of("AAA", session)))
    result = run_range(graph(), instance, ["options_chains"], days[0], days[-1])
    assert not result.success
    assert "2 of 4 sessions" in failure_of(result)
    assert "2026-08-19" in failure_of(result)
    done = instance.get_materialized_partitions(dg.AssetKey("options_chains"))
    assert done == {days[0].isoformat(), days[2].isoformat()}


def test_nobody_is_watched(engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph) -> None:
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM tickers")) == 0
    result = run_range(graph(), instance, ["options_chains"], SESSION, SESSION)
    assert "materialise `tickers`" in failure_of(result)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-08-21T21:19:00+00:00", False),
        ("2026-08-21T21:20:00+00:00", True),
        ("2026-08-22T15:00:00+00:00", True),
        # Monday before and after open interest changes in New York.
        ("2026-08-24T10:29:00+00:00", True),
        ("2026-08-24T10:30:00+00:00", False),
        ("2026-08-24T21:30:00+00:00", False),
    ],
)
def test_a_session_is_shown_until_open_interest_changes(now: str, expected: bool) -> None:
    from datetime import datetime

    assert is_shown(SESSION, datetime.fromisoformat(now)) is expected


_TAKE_ALL = """
import sys
from datetime import date
from pydantic import SecretStr
from kapman_assets.options import chain_store, ingest
from kapman_resources.database import make_engine
from kapman_resources.polygon import Polygon
from kapman_resources.raw_pages import RawPages

url, vendor, raw, session = sys.argv[1], sys.argv[2], sys.argv[3], date.fromisoformat(sys.argv[4])
engine = make_engine(url, application_name="test")
with engine.connect() as connection:
    chain_store.make_room(connection, [session])
    watched = chain_store.read_watched(connection, session, None)
ingest.NAMES_AT_ONCE = 1
polygon = Polygon.open(vendor, api_key=SecretStr("key"), requests_per_second=500, concurrency=1)
terms = ingest.Terms(120, (0.5, 1.5))
ingest.store_live(engine, polygon, RawPages.open(raw), session, watched=watched, terms=terms, run_id=None)
"""


@pytest.mark.usefixtures("shown")
def test_killed_in_the_middle_of_a_name_the_ones_before_stay_and_the_rest_is_taken_next_time(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    symbols = [f"N{number:02d}" for number in range(12)]
    watch(engine, *symbols)
    vendor = Vendor({symbol: chain_of(symbol) for symbol in symbols})
    vendor.instead[("N07", 0)] = [Answer(stalls=True)]
    with serving(vendor) as server:
        url = engine.url.render_as_string(hide_password=False)
        arguments = [sys.executable, "-c", _TAKE_ALL, url, server.url, str(tmp_path / "raw"), SESSION.isoformat()]
        process = subprocess.Popen(arguments, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})
        deadline = time.monotonic() + 60
        while asked(server)[-1:] != ["N07"] or len(statuses(engine)) < 7:
            assert time.monotonic() < deadline, "the names before never came"
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.wait()
        assert statuses(engine) == dict.fromkeys(symbols[:7], ("COMPLETE", 42))
        del server.requests[:]
        assert run_range(graph(server.url), instance, ["options_chains"], SESSION, SESSION).success
        assert asked(server) == symbols[7:]
    assert statuses(engine) == dict.fromkeys(symbols, ("COMPLETE", 42))


def test_adjusted_contracts_are_kept_flagged_and_in_no_aggregate(
    engine: sa.Engine, instance: dg.DagsterInstance, graph: Graph, tmp_path: Path
) -> None:
    watch(engine, "AAA", "BBB")
    rows = chain_of("AAA")
    adjusted = json.loads(json.dumps(rows[6]))
    adjusted["details"] |= {"ticker": "O:AAA1260918C00100000", "shares_per_contract": 10}
    adjusted["open_interest"] = 10**6
    record(tmp_path / "rest", SESSION, "AAA", pages_of("AAA", [*rows, adjusted]))
    record(tmp_path / "rest", SESSION, "BBB", pages_of("BBB", chain_of("BBB")))
    assert run_range(graph(), instance, ["options_chains", *METRICS], SESSION, SESSION).success
    assert statuses(engine)["AAA"] == ("COMPLETE", 43)
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT gross_gex, total_oi, contracts_non_standard FROM dealer_metrics ORDER BY ticker_id")
        ).all()
        flags = connection.execute(
            sa.text("SELECT contract, multiplier FROM options_chains WHERE NOT is_standard")
        ).all()
    assert found[0][:2] == found[1][:2]
    assert [row[2] for row in found] == [1, 0]
    assert flags == [("O:AAA1260918C00100000", 10)]
