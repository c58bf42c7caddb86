"""The models of the snapshots: what a row is made of, how it is judged, and the views and functions that read it."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kapman_assets.partitions import range_tags
from kapman_assets.sql_models import build_assets, load_models
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import read_sessions
from kapman_assets.wyckoff.signals import SignalType, Told, interpret
from kapman_assets.wyckoff.vocabulary import Event, SubType
from kapman_resources import derived, schema
from kapman_resources.dagster_resources import Warehouse
from tests.unit.wyckoff import series

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 8, day) for day in (17, 18, 19))
MODELS = {model.name: model for model in load_models()}
SNAPSHOTS = MODELS["daily_snapshots"]
SOURCES = {
    table.name: table
    for table in (
        schema.technical_indicators,
        schema.wyckoff_phases,
        schema.price_metrics,
        schema.volatility_metrics,
        schema.dealer_metrics,
        schema.options_chain_status,
    )
}
GIVES_A_ROW = ("technical_indicators", "wyckoff_phases", "price_metrics", "options_chain_status")

Row = dict[str, Any]
Store = Callable[..., dict[str, Row]]


def run(engine: sa.Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def read(engine: sa.Engine, query: str, **values: object) -> list[Row]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]


def add_tickers(engine: sa.Engine, *symbols: str, **facts: object) -> dict[str, int]:
    """Make sure of these names; their ids by symbol."""
    with engine.begin() as connection:
        for symbol in symbols:
            columns = {"symbol": symbol, **facts}
            names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
            connection.execute(
                sa.text(f"INSERT INTO tickers ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"), columns
            )
        found = connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all()
    return {symbol: ticker for symbol, ticker in found if symbol in symbols}


# --- rows of the sources


def random_row(table: sa.Table, rng: np.random.Generator) -> Row:
    """A value of its type in every column; a fifth of those that may be NULL are."""
    return {
        column.name: None if column.nullable and rng.random() < 0.2 else random_value(column, rng)
        for column in table.columns
        if column.name not in {"date", "ticker_id"}
    }


STATUSES = {
    "status": ("COMPLETE", "INCOMPLETE", "NO_OPTIONS", "FAILED"),
    "dealer_status": ("FULL", "LIMITED", "INVALID"),
}


def random_value(column: sa.Column[Any], rng: np.random.Generator) -> Any:
    word = "".join(rng.choice(list("abcdefgh"), 6))
    if column.name in STATUSES:
        return str(rng.choice(STATUSES[column.name]))
    if column.name.endswith("_walls_oi"):
        return [{"strike": 100.5 + n, "oi": float(rng.integers(1, 10**6)), "gex": None} for n in range(rng.integers(4))]
    values = {
        JSONB: {word: float(rng.normal()), "unknown": None, "list": [1, "two", {"three": 3.25}]},
        ARRAY: ["SC", "AR", word],
        sa.Double: float(rng.normal() * 10.0 ** rng.integers(-6, 12)),
        sa.BigInteger: int(rng.integers(0, 29)),
        sa.Boolean: bool(rng.random() < 0.5),
        sa.Date: MONDAY - timedelta(days=int(rng.integers(100))),
        sa.DateTime: datetime(2026, 8, 17, 21, tzinfo=UTC),
        sa.Text: word,
    }
    return values[type(column.type)]


@pytest.fixture
def store(engine: sa.Engine) -> Store:
    """Writes rows of a session as the assets do: `store(session, AAA={table: values})`, the rest of each at random."""
    rng = np.random.default_rng(20260817)

    def store(session: date, **names: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
        ids = add_tickers(engine, *names, options_enabled=True)
        rows = {
            symbol: {table: random_row(SOURCES[table], rng) | values for table, values in tables.items()}
            for symbol, tables in names.items()
        }
        with engine.begin() as connection:
            for symbol, tables in rows.items():
                for table, values in tables.items():
                    key = {"date": session, "ticker_id": ids[symbol]}
                    connection.execute(sa.insert(SOURCES[table]), key | values)
        return rows

    return store


def random_names(seed: int, count: int = 12) -> dict[str, dict[str, Row]]:
    """Names that each of the tables has a row of, or not; the first is in all of them."""
    rng = np.random.default_rng(seed)
    names = {f"R{n}": {table: {} for table in SOURCES if n == 0 or rng.random() < 0.8} for n in range(count)}
    return {symbol: tables for symbol, tables in names.items() if tables.keys() & set(GIVES_A_ROW)}


def materialize(engine: sa.Engine, *sessions: date) -> dict[date, int]:
    columns = [column.name for column in SNAPSHOTS.columns]
    with engine.begin() as connection:
        return derived.replace_sessions(connection, SNAPSHOTS.name, SNAPSHOTS.sql, columns, sessions)


def snapshots(engine: sa.Engine) -> dict[tuple[date, str], Row]:
    rows = read(engine, "SELECT * FROM daily_snapshots")
    return {(row["date"], row["symbol"]): row for row in rows}


def snapshot(engine: sa.Engine, session: date, symbol: str) -> Row:
    return snapshots(engine)[session, symbol]


# --- what a row is made of

PHASE_COLUMNS = (
    "wyckoff_phase", "phase_score", "phase_confidence", "events_detected", "primary_event",
    "primary_event_confidence", "events_json", "bc_score", "spring_score", "composite_score", "checklist_json",
)  # fmt: skip
INDICATOR_COLUMNS = (
    "rsi_14", "macd_line", "macd_signal", "macd_histogram", "stoch_k", "stoch_d", "mfi_14", "sma_20", "sma_50",
    "sma_200", "ema_12", "ema_26", "adx_14", "atr_14", "bbands_upper", "bbands_middle", "bbands_lower", "bbands_width",
    "obv", "vwap", "price_vs_sma20", "price_vs_sma50", "price_vs_sma200", "volatility_regime",
)  # fmt: skip
TAKEN = {
    **{name: ("wyckoff_phases", name) for name in PHASE_COLUMNS},
    "phase_sub_stage": ("wyckoff_phases", "sub_stage"),
    **{name: ("technical_indicators", name) for name in INDICATOR_COLUMNS},
    "technical_indicators_json": ("technical_indicators", "indicators"),
    "gex_total": ("dealer_metrics", "gross_gex"),
    "gex_net": ("dealer_metrics", "net_gex"),
    "gamma_flip_level": ("dealer_metrics", "gamma_flip_level"),
    "call_wall_primary": ("dealer_metrics", "call_wall_oi"),
    "put_wall_primary": ("dealer_metrics", "put_wall_oi"),
    "dgpi": ("dealer_metrics", "dgpi"),
    "dealer_position": ("dealer_metrics", "dealer_position"),
    "iv_skew_25d": ("volatility_metrics", "skew_25d"),
    "iv_term_structure": ("volatility_metrics", "term_structure"),
    "put_call_ratio_oi": ("volatility_metrics", "pcr_oi"),
    "put_call_ratio_volume": ("volatility_metrics", "pcr_volume"),
    "average_iv": ("volatility_metrics", "weighted_iv"),
    "iv_rank": ("volatility_metrics", "iv_rank"),
    "iv_percentile": ("volatility_metrics", "iv_percentile"),
    "rvol": ("price_metrics", "rvol_20"),
    "vsi": ("price_metrics", "vsi_20"),
    "hv_20": ("price_metrics", "hv_20"),
    "hv_60": ("price_metrics", "hv_60"),
    "iv_hv_diff": ("price_metrics", "iv_hv_diff"),
}
"""Each column that is another table's, and which."""
WHOLE = {
    "dealer_metrics_json": "dealer_metrics",
    "volatility_metrics_json": "volatility_metrics",
    "price_metrics_json": "price_metrics",
}
"""Each column that is all of another table's row but its key."""
WALLS = {"call_wall_primary_oi": "call_walls_oi", "put_wall_primary_oi": "put_walls_oi"}
JUDGED = ("data_quality", "missing", "model_version")


def expected(tables: Mapping[str, Row]) -> Row:
    """A snapshot without its key and verdict, from the rows that were stored."""
    walls = {name: tables.get("dealer_metrics", {}).get(column) for name, column in WALLS.items()}
    return (
        {name: tables.get(table, {}).get(column) for name, (table, column) in TAKEN.items()}
        | {name: tables.get(table) for name, table in WHOLE.items()}
        | {name: int(found[0]["oi"]) if found else None for name, found in walls.items()}
    )


def test_every_column_is_what_its_source_says(engine: sa.Engine, store: Store) -> None:
    names = {column.name for column in schema.daily_snapshots.columns}
    assert names == {*TAKEN, *WHOLE, *WALLS, *JUDGED, "date", "ticker_id", "symbol"}
    given = store(MONDAY, **random_names(1))
    assert {table for tables in given.values() for table in tables} == set(SOURCES)
    assert materialize(engine, MONDAY) == {MONDAY: len(given)}
    ids = add_tickers(engine, *given)
    found = snapshots(engine)
    assert found.keys() == {(MONDAY, symbol) for symbol in given}
    for symbol, tables in given.items():
        row = {name: value for name, value in found[MONDAY, symbol].items() if name not in JUDGED}
        key = {"date": MONDAY, "ticker_id": ids[symbol], "symbol": symbol}
        assert row == key | expected(tables), symbol


def test_the_wall_is_the_first_of_its_list_in_whole_contracts(engine: sa.Engine, store: Store) -> None:
    walls = [{"strike": 110.0, "oi": 1234.0}, {"strike": 105.0, "oi": 99.0}]
    store(
        MONDAY,
        AAA={"options_chain_status": {}, "dealer_metrics": {"call_walls_oi": walls, "put_walls_oi": []}},
        BBB={"options_chain_status": {}, "dealer_metrics": {"call_walls_oi": [{"strike": 1.0, "oi": 2e9}]}},
    )
    # As Python writes it: with a decimal point.
    run(
        engine,
        "UPDATE dealer_metrics SET call_walls_oi = CAST(:walls AS jsonb) WHERE jsonb_array_length(call_walls_oi) = 2",
        walls=json.dumps(walls),
    )
    materialize(engine, MONDAY)
    first = snapshot(engine, MONDAY, "AAA")
    assert (first["call_wall_primary_oi"], first["put_wall_primary_oi"]) == (1234, None)
    assert snapshot(engine, MONDAY, "BBB")["call_wall_primary_oi"] == 2_000_000_000


def test_a_name_of_one_table_alone_has_nulls_for_the_others(engine: sa.Engine, store: Store) -> None:
    given = store(MONDAY, **{table: {table: {}} for table in SOURCES})
    assert materialize(engine, MONDAY) == {MONDAY: len(GIVES_A_ROW)}
    found = {symbol: row for (_, symbol), row in snapshots(engine).items()}
    assert found.keys() == set(GIVES_A_ROW)
    for symbol, row in found.items():
        assert {name: row[name] for name in expected({})} == expected(given[symbol]), symbol
        version = given[symbol].get("wyckoff_phases", {}).get("model_version")
        assert row["model_version"] == (version and f"wyckoff {version}")


def test_a_snapshot_is_of_watched_names_alone(engine: sa.Engine, store: Store) -> None:
    # As WYCKOFF_UNIVERSE=all leaves it: a phase of every name of the market.
    add_tickers(engine, "OTHER", "HELD", "ONCE")
    hold(engine, "Mine", HELD="P2")
    phase: dict[str, Row] = {"wyckoff_phases": {}}
    # A name that was watched when its row was made keeps it.
    store(MONDAY, OTHER=phase, HELD=phase, WATCHED=phase, ONCE=phase | {"technical_indicators": {}})
    store(TUESDAY, OTHER=phase, ONCE=phase)
    assert materialize(engine, MONDAY, TUESDAY) == {MONDAY: 3, TUESDAY: 0}
    assert {symbol for _, symbol in snapshots(engine)} == {"HELD", "WATCHED", "ONCE"}


# --- how a row is judged

FULL: dict[str, Row] = {
    "technical_indicators": {},
    "wyckoff_phases": {"model_version": "1.2"},
    "price_metrics": {},
    "volatility_metrics": {},
    "dealer_metrics": {"dealer_status": "FULL"},
    "options_chain_status": {"status": "COMPLETE"},
}


def without(*tables: str, **changed: str) -> dict[str, Row]:
    """A name that everything is known of, but for some tables, and for the status of its chain and dealers."""
    rows = {table: values for table, values in FULL.items() if table not in tables}
    if "chain" in changed:
        rows["options_chain_status"] = {"status": changed["chain"]}
    if "dealer" in changed:
        rows["dealer_metrics"] = {"dealer_status": changed["dealer"]}
    return rows


BARS = ("technical_indicators", "wyckoff_phases")
QUALITIES = [
    (without(), "complete", []),
    (without(*BARS), "stale", ["bar"]),
    (without("technical_indicators"), "partial", ["indicators"]),
    (without("wyckoff_phases"), "partial", ["wyckoff"]),
    (without(chain="INCOMPLETE"), "partial", ["chain:INCOMPLETE"]),
    (without(chain="FAILED"), "partial", ["chain:FAILED"]),
    (without("dealer_metrics", chain="NO_OPTIONS"), "partial", ["chain:NO_OPTIONS", "dealer:none"]),
    (without("options_chain_status"), "partial", ["chain:none"]),
    (without(dealer="LIMITED"), "partial", ["dealer:LIMITED"]),
    (without(dealer="INVALID"), "partial", ["dealer:INVALID"]),
    (without("dealer_metrics"), "partial", ["dealer:none"]),
    (without("wyckoff_phases", chain="INCOMPLETE", dealer="LIMITED"), "partial",
     ["wyckoff", "chain:INCOMPLETE", "dealer:LIMITED"]),
    (without(*BARS, chain="INCOMPLETE", dealer="LIMITED"), "stale", ["bar", "chain:INCOMPLETE", "dealer:LIMITED"]),
    ({"price_metrics": {}}, "stale", ["bar", "chain:none", "dealer:none"]),
]  # fmt: skip


def test_the_quality_says_what_keeps_a_row_from_complete(engine: sa.Engine, store: Store) -> None:
    store(MONDAY, **{f"Q{n}": tables for n, (tables, _, _) in enumerate(QUALITIES)})
    # A session before, where nothing is missing, mends nothing.
    store(MONDAY - timedelta(days=3), **{f"Q{n}": FULL for n in range(len(QUALITIES))})
    materialize(engine, MONDAY)
    for n, (tables, quality, missing) in enumerate(QUALITIES):
        row = snapshot(engine, MONDAY, f"Q{n}")
        assert (row["data_quality"], row["missing"]) == (quality, missing)
        assert row["model_version"] == ("wyckoff 1.2" if "wyckoff_phases" in tables else None)


# --- sessions


def test_a_range_gives_the_rows_of_each_session_made_when_it_was_the_newest(engine: sa.Engine, store: Store) -> None:
    for seed, session in enumerate((MONDAY, TUESDAY, WEDNESDAY)):
        store(session, **random_names(seed))
        alone = materialize(engine, session)
        assert alone[session] > 8
    one_by_one = snapshots(engine)
    run(engine, "TRUNCATE daily_snapshots")
    counts = materialize(engine, MONDAY, TUESDAY, WEDNESDAY)
    assert sum(counts.values()) == len(one_by_one)
    assert snapshots(engine) == one_by_one
    assert materialize(engine, MONDAY, TUESDAY, WEDNESDAY) == counts
    assert snapshots(engine) == one_by_one


def test_the_asset_makes_a_range_and_tells_the_rows_of_each_session(engine: sa.Engine, store: Store) -> None:
    for session in (MONDAY, WEDNESDAY):
        store(session, AAA=FULL, BBB=without(*BARS))
    (asset,) = (one for one in build_assets(list(MODELS.values())) if one.key == dg.AssetKey(SNAPSHOTS.name))
    warehouse = Warehouse(url=engine.url.render_as_string(hide_password=False))
    result = dg.materialize([asset], resources={"warehouse": warehouse}, tags=range_tags(MONDAY, WEDNESDAY))
    events = result.asset_materializations_for_node(SNAPSHOTS.name)
    counts = {event.partition: event.metadata["dagster/row_count"].value for event in events}
    assert counts == {"2026-08-17": 2, "2026-08-18": 0, "2026-08-19": 2}
    assert len(snapshots(engine)) == 4


def test_the_models_are_a_group_of_their_own_behind_what_they_read() -> None:
    specs = {asset.key.to_user_string(): asset.get_asset_spec() for asset in build_assets(list(MODELS.values()))}
    views = {"v_latest_snapshots", "v_watchlist_tickers", "v_alerts", "v_wyckoff_events", "v_entry_signals"}
    group = {name for name, spec in specs.items() if spec.group_name == "snapshots"}
    assert group == {SNAPSHOTS.name, *views, "v_exit_signals"}
    # The status of a chain is written by the asset of the chains.
    assert SNAPSHOTS.deps == SOURCES.keys() - {"options_chain_status"} | {"options_chains", "tickers"}


# --- tickers.last_analysis_date and the names that need an analysis


def test_a_name_knows_its_newest_snapshot(engine: sa.Engine, store: Store) -> None:
    add_tickers(engine, "NONE")
    store(MONDAY, AAA=FULL, BBB=FULL)
    store(TUESDAY, AAA=FULL)
    store(WEDNESDAY, BBB=FULL)

    def known() -> dict[str, date | None]:
        rows = read(engine, "SELECT symbol, last_analysis_date FROM tickers")
        return {row["symbol"]: row["last_analysis_date"] for row in rows}

    materialize(engine, MONDAY)
    assert known() == {"AAA": MONDAY, "BBB": MONDAY, "NONE": None}
    materialize(engine, MONDAY, TUESDAY, WEDNESDAY)
    assert known() == {"AAA": TUESDAY, "BBB": WEDNESDAY, "NONE": None}
    materialize(engine, MONDAY)
    assert known() == {"AAA": TUESDAY, "BBB": WEDNESDAY, "NONE": None}


def test_active_watched_names_without_a_snapshot_of_the_session_need_one(engine: sa.Engine, store: Store) -> None:
    add_tickers(engine, "DONE", "OLD", "NEVER", options_enabled=True)
    add_tickers(engine, "HELD", "NOBODYS")
    add_tickers(engine, "GONE", options_enabled=True, is_active=False)
    hold(engine, "Mine", HELD="P2", GONE="P1")
    store(MONDAY, OLD=FULL, NOBODYS=FULL)
    store(TUESDAY, DONE=FULL)
    materialize(engine, MONDAY, TUESDAY)

    def needing(session: date) -> dict[str, date | None]:
        rows = read(engine, "SELECT * FROM fn_watchlist_needing_analysis(:session)", session=session)
        assert len(rows) == len({row["symbol"] for row in rows})
        return {row["symbol"]: row["last_analysis_date"] for row in rows}

    assert needing(TUESDAY) == {"OLD": MONDAY, "NEVER": None, "HELD": None}
    assert needing(MONDAY) == {"DONE": TUESDAY, "NEVER": None, "HELD": None}


def hold(engine: sa.Engine, portfolio: str, **priorities: str) -> None:
    ids = add_tickers(engine, *priorities)
    with engine.begin() as connection:
        insert = sa.insert(schema.portfolios).values(name=portfolio).returning(schema.portfolios.c.portfolio_id)
        number = connection.scalar(insert)
        rows = [{"portfolio_id": number, "ticker_id": ids[name], "priority": p} for name, p in priorities.items()]
        connection.execute(sa.insert(schema.portfolio_tickers), rows)


# --- v_latest_snapshots, v_watchlist_tickers


def put(engine: sa.Engine, rows: Iterable[tuple[date, str, Row]]) -> None:
    """Write snapshots with some values and nothing else."""
    listed = list(rows)
    ids = add_tickers(engine, *(symbol for _, symbol, _ in listed))
    columns = {name for _, _, values in listed for name in values}
    with engine.begin() as connection:
        connection.execute(
            sa.insert(schema.daily_snapshots),
            [
                {"date": session, "ticker_id": ids[symbol], "symbol": symbol, "data_quality": "partial", "missing": []}
                | dict.fromkeys(columns)
                | values
                for session, symbol, values in listed
            ],
        )


def test_the_latest_snapshot_is_the_whole_row_of_each_names_newest_session(engine: sa.Engine, store: Store) -> None:
    for seed, (session, symbols) in enumerate([(MONDAY, "ABC"), (TUESDAY, "AB"), (WEDNESDAY, "A")]):
        store(session, **{symbol: random_names(seed)["R0"] for symbol in symbols})
    materialize(engine, MONDAY, TUESDAY, WEDNESDAY)
    rows = read(engine, "SELECT * FROM v_latest_snapshots ORDER BY symbol")
    stored = snapshots(engine)
    assert rows == [stored[WEDNESDAY, "A"], stored[TUESDAY, "B"], stored[MONDAY, "C"]]


def test_the_latest_snapshots_say_of_each_column_what_the_table_says() -> None:
    said = {column.name: column.description for column in MODELS["v_latest_snapshots"].columns}
    assert said == {column.name: column.comment for column in schema.daily_snapshots.columns}


def test_the_watchlist_has_a_row_for_each_portfolio_of_an_active_name(engine: sa.Engine) -> None:
    add_tickers(engine, "AAA", sector="Energy", last_ohlcv_date=TUESDAY, last_analysis_date=MONDAY)
    add_tickers(engine, "GONE", is_active=False)
    add_tickers(engine, "NOBODYS", options_enabled=True)
    hold(engine, "Mine", AAA="P1", GONE="P1")
    hold(engine, "Yours", AAA="P2", BBB="P2")
    ids = add_tickers(engine, "AAA", "BBB")
    about = {"symbol": "AAA", "ticker_id": ids["AAA"], "sector": "Energy"}
    dates = {"last_ohlcv_date": TUESDAY, "last_analysis_date": MONDAY}
    unknown = {"sector": None, "last_ohlcv_date": None, "last_analysis_date": None}
    assert read(engine, "SELECT * FROM v_watchlist_tickers ORDER BY symbol, portfolio_name") == [
        about | dates | {"priority": "P1", "portfolio_name": "Mine"},
        about | dates | {"priority": "P2", "portfolio_name": "Yours"},
        unknown | {"symbol": "BBB", "ticker_id": ids["BBB"], "priority": "P2", "portfolio_name": "Yours"},
    ]


# --- v_alerts

NEWEST = date(2026, 8, 21)
BOTH = ["SC", "SPRING", "SOS"]
ALERTS = {
    "BC_CRITICAL": ("EXIT_CRITICAL", "🔴 EXIT IMMEDIATELY - BC Score ≥ 24", 1),
    "SPRING_SOS": ("ENTRY_SIGNAL", "🟢 ENTRY SIGNAL - Spring confirmed with SOS", 2),
    "SPRING_CONFIRMED": ("ENTRY_SETUP", "🟢 ENTRY SETUP - Spring Score ≥ 9", 3),
    "BC_WARNING": ("EXIT_WARNING", "🟡 CAUTION - BC Score ≥ 20, prepare exit", 4),
    "SOW_DETECTED": ("EXIT_WARNING", "🟡 CAUTION - Sign of Weakness detected", 5),
    "VOLUME_SURGE": ("INFO", "🔵 INFO - Volume Surge Index > 2", 6),
}
"""Each rule's signal type, message and priority in architecture v2.0 §5.6."""


def snapshot_of(
    bc: int | None = None,
    spring: int | None = None,
    events: Sequence[str] | None = (),
    primary: str | None = None,
    vsi: float | None = None,
) -> Row:
    return {
        "bc_score": bc,
        "spring_score": spring,
        "events_detected": None if events is None else list(events),
        "primary_event": primary,
        "primary_event_confidence": None if primary is None else 0.75,
        "vsi": vsi,
    }


FIRES: list[tuple[Row, dict[str, float | None]]] = [
    (snapshot_of(), {}),
    (snapshot_of(events=None), {}),
    (snapshot_of(bc=19), {}),
    (snapshot_of(bc=20), {"BC_WARNING": 20}),
    (snapshot_of(bc=23), {"BC_WARNING": 23}),
    (snapshot_of(bc=24), {"BC_CRITICAL": 24}),
    (snapshot_of(bc=28), {"BC_CRITICAL": 28}),
    (snapshot_of(bc=11, spring=8), {}),
    (snapshot_of(bc=11, spring=9), {"SPRING_CONFIRMED": 9}),
    (snapshot_of(bc=12, spring=9), {}),
    (snapshot_of(bc=None, spring=12), {}),
    (snapshot_of(bc=11, spring=8, events=BOTH), {"SPRING_SOS": 8}),
    (snapshot_of(bc=11, spring=None, events=BOTH), {"SPRING_SOS": None}),
    (snapshot_of(bc=12, spring=8, events=BOTH), {}),
    (snapshot_of(bc=None, spring=8, events=BOTH), {}),
    (snapshot_of(bc=0, spring=3, events=["SPRING"]), {}),
    (snapshot_of(bc=0, spring=3, events=["SOS"]), {}),
    (snapshot_of(events=["SOW"], primary="SC"), {}),
    (snapshot_of(events=[], primary="SOW"), {"SOW_DETECTED": 0.75}),
    (snapshot_of(vsi=2.0), {}),
    (snapshot_of(vsi=2.000001), {"VOLUME_SURGE": 2.000001}),
    (
        snapshot_of(bc=11, spring=12, events=[*BOTH, "SOW"], primary="SOW", vsi=5.5),
        {"SPRING_SOS": 12, "SPRING_CONFIRMED": 12, "SOW_DETECTED": 0.75, "VOLUME_SURGE": 5.5},
    ),
]


def fired(engine: sa.Engine) -> dict[str, dict[str, float | None]]:
    alerts: dict[str, dict[str, float | None]] = {}
    for row in read(engine, "SELECT * FROM v_alerts"):
        assert (row["signal_type"], row["alert_message"], row["priority"]) == ALERTS[row["alert_type"]]
        assert row["alert_type"] not in alerts.setdefault(row["symbol"], {})
        alerts[row["symbol"]][row["alert_type"]] = row["alert_value"]
    return alerts


def test_an_alert_fires_where_its_rule_holds(engine: sa.Engine) -> None:
    put(engine, [(NEWEST, f"S{n}", values) for n, (values, _) in enumerate(FIRES)])
    assert fired(engine) == {f"S{n}": alerts for n, (_, alerts) in enumerate(FIRES) if alerts}


def test_a_rule_looks_back_from_the_newest_session(engine: sa.Engine) -> None:
    everything = [
        snapshot_of(bc=11, spring=12, events=BOTH, primary="SOW", vsi=3.0),
        snapshot_of(bc=20),
        snapshot_of(bc=24),
    ]
    ages = (0, 6, 7, 13, 14, 400)
    put(engine, [(NEWEST, "NEWEST", snapshot_of())])
    put(
        engine,
        [(NEWEST - timedelta(days=age), f"A{age}.{n}", values) for age in ages for n, values in enumerate(everything)],
    )
    found: dict[int, set[str]] = {age: set() for age in ages}
    for symbol, alerts in fired(engine).items():
        found[int(symbol[1:].split(".")[0])] |= alerts.keys()
    assert found == {0: {*ALERTS}, 6: {*ALERTS}, 7: {"SPRING_SOS"}, 13: {"SPRING_SOS"}, 14: set(), 400: set()}


def test_alerts_come_by_priority_then_newest_first(engine: sa.Engine) -> None:
    before = NEWEST - timedelta(days=1)
    put(
        engine,
        [
            (before, "BBB", snapshot_of(bc=24, vsi=4.0)),
            (NEWEST, "BBB", snapshot_of(bc=21)),
            (NEWEST, "AAA", snapshot_of(bc=24, vsi=3.0)),
            (NEWEST, "CCC", snapshot_of(bc=5, spring=9, events=BOTH, primary="SOW")),
        ],
    )
    rows = read(engine, "SELECT * FROM v_alerts")
    assert list(rows[0]) == ["symbol", "date", "signal_type", "alert_type", "alert_value", "alert_message", "priority"]
    assert [(row["priority"], row["date"], row["symbol"]) for row in rows] == [
        (1, NEWEST, "AAA"),
        (1, before, "BBB"),
        (2, NEWEST, "CCC"),
        (3, NEWEST, "CCC"),
        (4, NEWEST, "BBB"),
        (5, NEWEST, "CCC"),
        (6, NEWEST, "AAA"),
        (6, before, "BBB"),
    ]


def test_without_snapshots_the_views_are_empty(engine: sa.Engine) -> None:
    for view in (model.name for model in MODELS.values() if model.layer == "snapshots"):
        assert read(engine, f"SELECT * FROM {view}") == []


# --- v_wyckoff_events, v_entry_signals, v_exit_signals

MAIN_EIGHT = ("SC", "AR", "ST", "SPRING", "TEST", "SOS", "BC", "SOW")
BADGES: list[tuple[Row, str | None]] = [
    (snapshot_of(events=None), None),
    (snapshot_of(), "NEUTRAL"),
    (snapshot_of(bc=19), "NEUTRAL"),
    (snapshot_of(bc=20), "EXIT_WARNING"),
    (snapshot_of(bc=23), "EXIT_WARNING"),
    (snapshot_of(bc=24), "EXIT_CRITICAL"),
    # Exits come before entries.
    (snapshot_of(bc=24, spring=12, events=BOTH), "EXIT_CRITICAL"),
    (snapshot_of(bc=20, spring=12, events=BOTH), "EXIT_WARNING"),
    (snapshot_of(bc=11, spring=9), "ENTRY_SIGNAL"),
    (snapshot_of(bc=11, spring=8), "NEUTRAL"),
    (snapshot_of(bc=12, spring=9), "NEUTRAL"),
    (snapshot_of(bc=None, spring=9), "NEUTRAL"),
    (snapshot_of(bc=11, spring=8, events=["SPRING"]), "ENTRY_SETUP"),
    (snapshot_of(bc=12, spring=9, events=["SPRING"]), "ENTRY_SETUP"),
    (snapshot_of(bc=None, spring=9, events=["SPRING"]), "ENTRY_SETUP"),
    (snapshot_of(events=BOTH), "ENTRY_SETUP"),
    (snapshot_of(events=["SOS"]), "ENTRY_SIGNAL"),
    (snapshot_of(events=["SOS", "SOW"]), "ENTRY_SIGNAL"),
    (snapshot_of(events=["SOW"]), "EXIT_WARNING"),
    (snapshot_of(events=["SC", "AR", "ST", "TEST", "BC"]), "NEUTRAL"),
]


def badges(engine: sa.Engine, view: str = "v_wyckoff_events") -> dict[str, str | None]:
    return {row["symbol"]: row["signal_type"] for row in read(engine, f"SELECT symbol, signal_type FROM {view}")}


def test_a_badge_is_the_first_rule_that_holds(engine: sa.Engine) -> None:
    put(engine, [(NEWEST, f"S{n}", values) for n, (values, _) in enumerate(BADGES)])
    assert badges(engine) == {f"S{n}": badge for n, (_, badge) in enumerate(BADGES)}


def told(event: str, *, is_active: bool) -> Told:
    return Told(
        event=Event[event],
        sub_type=SubType.NONE,
        event_date=MONDAY,
        confirmed_date=MONDAY,
        # A badge does not ask how old an event is.
        sessions_ago=len(event),
        confidence=0.5,
        price_level=1.0,
        volume_ratio=None,
        is_active=is_active,
    )


def test_badges_of_all_combinations_and_the_views_that_choose_by_them(engine: sa.Engine) -> None:
    scores = itertools.product([None, 0, 11, 12, 19, 20, 23, 24, 28], [None, 0, 8, 9, 12])
    sets = [s for n in range(4) for s in itertools.combinations(["SPRING", "SOS", "SOW"], n)]
    cases = [(bc, spring, events) for bc, spring in scores for events in sets]
    put(engine, [(NEWEST, f"S{n}", snapshot_of(*case)) for n, case in enumerate(cases)])
    rules = Parameters().signals
    undone = [told("SPRING", is_active=False), told("SOS", is_active=False), told("SOW", is_active=False)]
    expected = {
        f"S{n}": interpret(
            [*undone, *(told(event, is_active=True) for event in events)], 1, bc, spring, rules
        ).signal_type.value
        for n, (bc, spring, events) in enumerate(cases)
    }
    assert set(expected.values()) == {*SignalType}
    assert badges(engine) == expected
    for view, chosen in {
        "v_entry_signals": {"ENTRY_SIGNAL", "ENTRY_SETUP"},
        "v_exit_signals": {"EXIT_CRITICAL", "EXIT_WARNING"},
    }.items():
        assert badges(engine, view) == {symbol: badge for symbol, badge in expected.items() if badge in chosen}


def test_the_badge_of_a_reading_is_that_of_the_view(engine: sa.Engine) -> None:
    """Every session of simulated names, as it was read: the engine's badge and the CASE of the view are one rule."""
    readings = [
        reading
        for seed in (0, 1, 2, 4, 5, 6)
        for reading in read_sessions(series.symbol(series.planted(seed)), Parameters(), last=40)
    ]
    rows = [
        snapshot_of(
            reading.bc_score_28,
            reading.spring_score_12,
            [one.event.name for one in reading.told if one.is_active],
        )
        for reading in readings
    ]
    put(engine, [(NEWEST, f"S{n}", row) for n, row in enumerate(rows)])
    expected = {f"S{n}": reading.signal.signal_type.value for n, reading in enumerate(readings)}
    assert len({*expected.values()}) > 2
    assert badges(engine) == expected


def test_the_signal_views_show_what_the_events_view_shows(engine: sa.Engine, store: Store) -> None:
    told = {"bc_score": 11, "spring_score": 9, "events_detected": ["SPRING"], "primary_event_date": MONDAY}
    store(WEDNESDAY, AAA={"wyckoff_phases": told}, BBB={"wyckoff_phases": told | {"bc_score": 24}})
    materialize(engine, WEDNESDAY)
    entry, exit_ = read(engine, "SELECT * FROM v_wyckoff_events ORDER BY symbol")
    assert read(engine, "SELECT * FROM v_entry_signals") == [entry]
    assert read(engine, "SELECT * FROM v_exit_signals") == [exit_]


def test_events_are_told_one_by_one_from_the_newest_snapshot(engine: sa.Engine, store: Store) -> None:
    phase = {"primary_event_date": MONDAY, "bc_score": 3, "spring_score": 2}
    store(MONDAY, AAA={"wyckoff_phases": phase | {"events_detected": ["SOW"]}})
    told = store(
        WEDNESDAY,
        AAA={"wyckoff_phases": phase | {"events_detected": ["PS", "SC", "TEST"]}},
        BBB={"wyckoff_phases": phase | {"events_detected": [], "primary_event_date": None}},
        CCC={"options_chain_status": {}},
        **{event: {"wyckoff_phases": phase | {"events_detected": [event]}} for event in MAIN_EIGHT},
    )
    materialize(engine, MONDAY, WEDNESDAY - timedelta(days=1), WEDNESDAY)
    rows = {row["symbol"]: row for row in read(engine, "SELECT * FROM v_wyckoff_events")}
    assert len(rows) == 11
    flags = {f"has_{event.lower()}": event for event in MAIN_EIGHT}
    first, empty, unknown = (rows.pop(name) for name in ("AAA", "BBB", "CCC"))
    for event, row in rows.items():
        assert [flags[name] for name in flags if row[name]] == [event]
    assert {flags[name]: first[name] for name in flags} == {e: e in {"SC", "TEST"} for e in MAIN_EIGHT}
    same = ["wyckoff_phase", "phase_confidence", "primary_event", "primary_event_confidence", "events_json"]
    assert {name: first[name] for name in same} == {name: told["AAA"]["wyckoff_phases"][name] for name in same}
    assert (first["date"], first["events_count"], first["primary_event_date"]) == (WEDNESDAY, 3, MONDAY)
    assert (first["days_since_event"], empty["days_since_event"]) == (2, None)
    assert (empty["events_count"], {empty[name] for name in flags}) == (0, {False})
    assert {unknown[name] for name in (*flags, "events_count", "signal_type", "days_since_event")} == {None}
