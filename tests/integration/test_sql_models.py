"""SQL models on a real database: views, the rows of partitions, and the project's own models."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from kapman_assets.cli.environment import upgrade_warehouse
from kapman_assets.options.chain import Chain, read_chain, total
from kapman_assets.options.gamma_exposure import gex_by_strike, gex_totals
from kapman_assets.options.volatility import volatility_metrics
from kapman_assets.partitions import range_tags
from kapman_assets.sql_models import Model, build_assets, load_models
from kapman_resources import database, derived, partitioning, schema
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.derived import View
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.errors import KapmanError

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 8, day) for day in (17, 18, 19))
MODELS = {model.name: model for model in load_models()}
SUMMARY = MODELS["options_daily_summary"]


def scalar(engine: sa.Engine, query: str, **values: object) -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.text(query), values)


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


# --- views


def test_an_upgrade_alone_leaves_the_views_with_their_comments(postgres: EmbeddedPostgres) -> None:
    url = postgres.url("upgraded_alone")
    database.ensure_database(url)
    upgrade_warehouse(url)
    engine = database.make_engine(url, application_name="test")
    inspector = sa.inspect(engine)
    views = {name: model for name, model in MODELS.items() if model.materialized == "view"}
    assert {"v_ohlcv", "v_ohlcv_adjusted"} <= views.keys() == set(inspector.get_view_names())
    for name, model in views.items():
        assert scalar(engine, "SELECT obj_description(CAST(:v AS regclass))", v=name) == model.description
        comments = [(column["name"], column["comment"]) for column in inspector.get_columns(name)]
        assert comments == [(column.name, column.description) for column in model.columns]
    run(engine, "DROP VIEW v_ohlcv, v_ohlcv_adjusted")
    upgrade_warehouse(url)
    assert scalar(engine, "SELECT count(*) FROM v_ohlcv_adjusted") == 0
    engine.dispose()


def test_the_views_have_the_columns_of_the_contract() -> None:
    names = ["symbol", "date", "open", "high", "low", "close", "volume", "vwap", "transactions", "source"]
    for view in ("v_ohlcv", "v_ohlcv_adjusted"):
        assert [column.name for column in MODELS[view].columns] == names


def test_the_adjusted_view_is_inlined(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        plan = connection.execute(sa.text("EXPLAIN SELECT * FROM v_ohlcv_adjusted WHERE symbol = 'AAPL'")).scalars()
        assert "Function Scan" not in "\n".join(plan)


@pytest.fixture
def columns(engine: sa.Engine) -> Callable[[str], list[str]]:
    return lambda view: [column["name"] for column in sa.inspect(engine).get_columns(view)]


def views(base: str, *, upper: str = "SELECT x.a FROM v_base AS x") -> list[View]:
    return [View("v_base", base, "below", {}), View("v_upper", upper, "it's \\ above", {"a": "100 % of {it}"})]


def replace_views(engine: sa.Engine, new: list[View]) -> None:
    with engine.begin() as connection:
        derived.replace_views(connection, new)


def test_views_are_made_anew_where_their_columns_change(engine: sa.Engine, columns: Callable[[str], list[str]]) -> None:
    replace_views(engine, views("SELECT 1 AS a, 'x' AS b"))
    assert (columns("v_base"), columns("v_upper")) == (["a", "b"], ["a"])
    replace_views(engine, views("SELECT 'text' AS b, 2.5 AS a"))
    assert (columns("v_base"), columns("v_upper")) == (["b", "a"], ["a"])
    assert float(scalar(engine, "SELECT a FROM v_upper")) == 2.5
    assert scalar(engine, "SELECT obj_description('v_upper'::regclass)") == "it's \\ above"
    assert scalar(engine, "SELECT col_description('v_upper'::regclass, 1)") == "100 % of {it}"


def test_what_others_build_on_a_view_stays_while_its_columns_do(engine: sa.Engine) -> None:
    replace_views(engine, views("SELECT 1 AS a"))
    run(engine, "CREATE VIEW theirs AS SELECT a FROM v_base", "GRANT SELECT ON v_base TO PUBLIC")
    replace_views(engine, views("SELECT 2 AS a, 3 AS b -- a %(first)s that is none"))
    assert scalar(engine, "SELECT a FROM theirs") == 2
    assert scalar(engine, "SELECT has_table_privilege('public', 'v_base', 'SELECT')")


def test_a_view_that_others_built_on_ours_is_named_and_survives(engine: sa.Engine) -> None:
    replace_views(engine, views("SELECT 1 AS a"))
    run(engine, "CREATE VIEW theirs AS SELECT a FROM v_base")
    with pytest.raises(KapmanError, match=r"v_base cannot be made anew: view theirs depends on view v_base.*kapman db"):
        replace_views(engine, views("SELECT 'other' AS a"))
    assert scalar(engine, "SELECT a FROM theirs") == 1
    run(engine, "DROP VIEW theirs")
    replace_views(engine, views("SELECT 'other' AS a"))
    assert scalar(engine, "SELECT a FROM v_upper") == "other"


# --- rows of tables


QUERY = "SELECT day AS date, n FROM made WHERE day BETWEEN %(first)s AND %(last)s AND 7 % 4 = 3 AND note LIKE 'a%'"
"""With per cent signs that are no parameters."""


@pytest.fixture
def made(engine: sa.Engine) -> sa.Engine:
    """Three sessions of input, and the table that is made of it."""
    run(
        engine,
        "CREATE TABLE made (day date, n int, note text)",
        "CREATE TABLE kept (date date, n int, PRIMARY KEY (date, n))",
        "INSERT INTO made SELECT day, n, 'a %s' FROM generate_series(1, 3) n, "
        "unnest(ARRAY['2026-08-17', '2026-08-18', '2026-08-19']::date[]) day",
    )
    return engine


def store(engine: sa.Engine, *sessions: date, query: str = QUERY) -> dict[date, int]:
    with engine.begin() as connection:
        return derived.replace_sessions(connection, "kept", query, ["date", "n"], sessions)


def kept(engine: sa.Engine) -> list[tuple[date, int]]:
    with engine.connect() as connection:
        return [(day, n) for day, n in connection.execute(sa.text("SELECT date, n FROM kept ORDER BY 1, 2"))]


def test_a_range_gives_the_same_rows_as_one_session_after_the_other(made: sa.Engine) -> None:
    assert store(made, MONDAY, TUESDAY, WEDNESDAY) == {MONDAY: 3, TUESDAY: 3, WEDNESDAY: 3}
    together = kept(made)
    assert len(together) == 9
    run(made, "TRUNCATE kept")
    for day in (WEDNESDAY, MONDAY, TUESDAY, MONDAY):
        assert store(made, day) == {day: 3}
    assert kept(made) == together


def test_a_session_is_replaced_and_its_neighbours_are_not(made: sa.Engine) -> None:
    store(made, MONDAY, TUESDAY, WEDNESDAY)
    run(made, "DELETE FROM made WHERE n > 1")
    assert store(made, TUESDAY) == {TUESDAY: 1}
    assert [day for day, _ in kept(made)] == [MONDAY] * 3 + [TUESDAY] + [WEDNESDAY] * 3
    run(made, "TRUNCATE made")
    assert store(made, TUESDAY, WEDNESDAY) == {TUESDAY: 0, WEDNESDAY: 0}
    assert kept(made) == [(MONDAY, 1), (MONDAY, 2), (MONDAY, 3)]


def test_what_ends_in_the_middle_leaves_the_old_rows(made: sa.Engine) -> None:
    store(made, MONDAY, TUESDAY)
    before = kept(made)
    run(made, "UPDATE made SET n = n + 10")
    # The rows before the third are written when it fails.
    with pytest.raises(psycopg.errors.DivisionByZero):
        store(made, MONDAY, TUESDAY, query=QUERY.replace(" n FROM", " n + 0 / (n - 13) AS n FROM"))
    assert kept(made) == before
    with made.connect() as connection:
        derived.replace_sessions(connection, "kept", QUERY, ["date", "n"], [MONDAY, TUESDAY])
        connection.invalidate()
    assert kept(made) == before


def test_a_query_that_gives_rows_of_other_sessions_is_refused(made: sa.Engine) -> None:
    store(made, MONDAY, TUESDAY, WEDNESDAY)
    before = kept(made)
    with pytest.raises(KapmanError, match=r"kept gives rows of 2026-08-18, 2026-08-19 when .* from 2026-08-17"):
        store(made, MONDAY, query="SELECT day AS date, n + 10 AS n FROM made WHERE day >= %(first)s")
    assert kept(made) == before


@pytest.mark.parametrize("value", ["2026-08-17'; DROP TABLE kept; --", "2026-08-17') OR ('1'='1"])
def test_a_value_cannot_become_sql(made: sa.Engine, value: str) -> None:
    with pytest.raises(psycopg.errors.InvalidDatetimeFormat), made.begin() as connection:
        derived.replace_sessions(connection, "kept", QUERY, ["date", "n"], [value])  # type: ignore[list-item]
    assert kept(made) == []


def test_a_table_without_sessions_is_replaced_whole(made: sa.Engine) -> None:
    for n in (3, 2):
        run(made, f"DELETE FROM made WHERE n > {n}")
        with made.begin() as connection:
            query = "SELECT n, day AS date FROM made -- in another order"
            assert derived.replace_rows(connection, "kept", query, ["date", "n"]) == 3 * n
        assert len(kept(made)) == 3 * n


# --- the assets


@pytest.fixture
def materialize(engine: sa.Engine) -> Callable[..., dg.ExecuteInProcessResult]:
    warehouse = Warehouse(url=engine.url.render_as_string(hide_password=False))

    def run(name: str, models: Iterable[Model], first: date | None = None, last: date | None = None) -> Any:
        assets = [asset for asset in build_assets(list(models)) if asset.key.to_user_string() == name]
        tags = range_tags(first, last or first) if first else {}
        return dg.materialize(assets, resources={"warehouse": warehouse}, tags=tags, raise_on_error=False)

    return run


def test_a_view_is_remade_by_its_asset(engine: sa.Engine, materialize: Callable[..., Any]) -> None:
    run(engine, "DROP VIEW v_ohlcv")
    assert materialize("v_ohlcv", MODELS.values()).success
    assert scalar(engine, "SELECT count(*) FROM v_ohlcv") == 0


def test_a_range_tells_the_rows_of_each_session(
    engine: sa.Engine, chains: "Chains", materialize: Callable[..., Any]
) -> None:
    chains.store(MONDAY, "AAA", [contract("C", 100, 5)])
    chains.store(MONDAY, "BBB", [contract("C", 100, 5)])
    chains.store(WEDNESDAY, "AAA", [contract("C", 100, 5)])
    result = materialize(SUMMARY.name, MODELS.values(), MONDAY, WEDNESDAY)
    assert result.success
    events = result.asset_materializations_for_node(SUMMARY.name)
    assert {event.partition: event.metadata["dagster/row_count"].value for event in events} == {
        "2026-08-17": 2,
        "2026-08-18": 0,
        "2026-08-19": 1,
    }
    assert scalar(engine, "SELECT count(*) FROM options_daily_summary") == 3


def test_an_asset_makes_room_in_a_split_table(engine: sa.Engine, materialize: Callable[..., Any]) -> None:
    # As a model of a session table would be: ohlcv is split by month, and has no partition yet.
    run(
        engine,
        "CREATE TABLE given AS SELECT * FROM ohlcv",
        "INSERT INTO given (ticker_id, date) VALUES (1, '2026-08-17')",
    )
    run(engine, "UPDATE given SET open = 1, high = 1, low = 1, close = 1, volume = 1, source = 'rest'")
    query = "SELECT * FROM given WHERE date BETWEEN %(first)s AND %(last)s"
    columns = [dg.TableColumn(column.name) for column in schema.ohlcv.columns]
    model = replace(SUMMARY, name="ohlcv", sql=query, columns=columns, deps=frozenset())
    assert materialize("ohlcv", [model], MONDAY).success
    assert scalar(engine, "SELECT count(*) FROM ohlcv") == 1


# --- options_daily_summary against the calculations of kapman_assets.options


def contract(side: str, strike: float, oi: int | None, *, dte: int = 30, **other: Any) -> dict[str, Any]:
    """A contract that the vendor gives no greeks of."""
    kind = {"C": "call", "P": "put"}.get(side, side)
    facts = {"contract_type": kind, "strike": strike, "open_interest": oi, "dte": dte, "multiplier": 100.0}
    unknown = dict.fromkeys(("volume", "implied_volatility", "delta", "gamma"))
    return unknown | facts | {"is_standard": True} | other


class Chains:
    """Writes chains as the options asset does."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def store(
        self,
        session: date,
        symbol: str,
        contracts: list[dict[str, Any]],
        *,
        spot: float | None = 100.0,
        status: str = "COMPLETE",
        rate: float = 0.0,
    ) -> None:
        """Store a chain with its status."""
        with self.engine.connect() as connection:
            partitioning.make_room(connection, ["options_chains"], [session])
        with self.engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO tickers (symbol) VALUES (:s) ON CONFLICT DO NOTHING"), {"s": symbol}
            )
            ticker = connection.scalar(sa.text("SELECT ticker_id FROM tickers WHERE symbol = :s"), {"s": symbol})
            about = {"date": session, "ticker_id": ticker, "status": status, "spot": spot, "rate": rate, "refused": {}}
            counts = dict.fromkeys(("pages", "contracts", "contracts_non_standard"), 0)
            connection.execute(sa.insert(schema.options_chain_status), about | counts)
            rows = [
                {"date": session, "ticker_id": ticker, "contract": f"O:{number}"}
                | {"expiration_date": session + timedelta(days=facts["dte"])}
                | {name: value for name, value in facts.items() if name != "dte"}
                for number, facts in enumerate(contracts)
            ]
            if rows:
                connection.execute(sa.insert(schema.options_chains), rows)

    def summarise(self, *sessions: date) -> pd.DataFrame:
        """Materialise these sessions, and read what is stored by symbol."""
        names = [column.name for column in SUMMARY.columns]
        with self.engine.begin() as connection:
            derived.replace_sessions(connection, SUMMARY.name, SUMMARY.sql, names, sessions)
        with self.engine.connect() as connection:
            query = "SELECT * FROM options_daily_summary ORDER BY date, symbol"
            return pd.DataFrame(connection.execute(sa.text(query)).mappings()).set_index("symbol")


@pytest.fixture
def chains(engine: sa.Engine) -> Iterator[Chains]:
    return Chains(engine)


def test_a_chain_worked_by_hand(chains: Chains) -> None:
    greeks = {"implied_volatility": 0.2}
    chains.store(
        MONDAY,
        "AAA",
        [
            contract("C", 100, 10, volume=4, delta=0.5, gamma=0.02, **greeks),
            contract("C", 105, 30, volume=0, delta=0.25, gamma=0.01, implied_volatility=0.4),
            contract("P", 100, 20, volume=6, delta=-0.5, gamma=0.02, **greeks),
            # Left out: an adjusted contract, one that ends today, one that is neither call nor put.
            contract("C", 50, 1000, volume=9, delta=0.9, gamma=0.5, is_standard=False, **greeks),
            contract("C", 100, 1000, volume=9, delta=0.9, gamma=0.5, dte=0, **greeks),
            contract("other", 100, 1000, volume=9, delta=0.9, gamma=0.5, **greeks),
        ],
    )
    row = chains.summarise(MONDAY).loc["AAA"]
    expected = {
        "chain_status": "COMPLETE", "spot": 100, "contracts": 3, "contracts_non_standard": 1,
        "total_call_oi": 40, "total_put_oi": 20, "total_call_volume": 4, "total_put_volume": 6,
        "put_call_oi_ratio": 0.5, "put_call_volume_ratio": 1.5,
        "weighted_avg_iv": (10 * 0.2 + 30 * 0.4 + 20 * 0.2) / 60,
        "top_call_strike_1": 105, "top_call_oi_1": 30, "top_call_strike_2": 100, "top_call_oi_2": 10,
        "top_put_strike_1": 100, "top_put_oi_1": 20,
        # gamma x open interest x 100 shares: 20 + 30, and 40; delta likewise.
        "total_call_gamma": 50, "total_put_gamma": 40, "total_call_delta": 1250, "total_put_delta": -1000,
        # x 100 x 100 x 0.01 = 100 for 1 % of the spot.
        "calculated_gex": 9000, "calculated_net_gex": 1000, "total_oi": 60, "oi_without_gamma": 0,
    }  # fmt: skip
    assert row[list(expected)].to_dict() == pytest.approx(expected)
    assert row[["top_call_strike_3", "top_put_oi_2"]].isna().all()


def test_ties_of_walls_go_to_the_nearer_and_then_the_lower_strike(chains: Chains) -> None:
    # Two expiries of 95 make as much as each of the others; 120 holds nothing and is no wall.
    sides = [contract("C", 95, 3), contract("C", 95, 2, dte=60), contract("C", 120, 0)]
    chains.store(MONDAY, "AAA", [*sides, *(contract("C", strike, 5) for strike in (90, 105, 110))])
    chains.store(MONDAY, "BBB", [contract("P", strike, 5) for strike in (110, 90)], spot=None)
    table = chains.summarise(MONDAY)
    strikes = table[[f"top_{side}_strike_{place}" for side in ("call", "put") for place in (1, 2, 3)]]
    assert strikes.loc["AAA"].tolist()[:3] == [95, 105, 90]
    # Without a spot no strike is nearer.
    assert strikes.loc["BBB"].tolist()[3:5] == [90, 110]


def test_the_unknown_is_null_and_a_known_zero_is_not(chains: Chains) -> None:
    chains.store(MONDAY, "EMPTY", [], status="INCOMPLETE")
    chains.store(MONDAY, "NOTHING", [contract("C", 100, None), contract("P", 100, 0, volume=0)])
    chains.store(MONDAY, "NO_SPOT", [contract("C", 100, 7, gamma=0.02, delta=0.5), contract("C", 101, 5)], spot=None)
    chains.store(MONDAY, "FAILED", [contract("C", 100, 7)], status="FAILED")
    chains.store(MONDAY, "OPTIONLESS", [], status="NO_OPTIONS")
    table = chains.summarise(MONDAY)
    assert list(table.index) == ["EMPTY", "NOTHING", "NO_SPOT"]
    empty, nothing, no_spot = (table.loc[symbol] for symbol in table.index)
    known = ["date", "ticker_id", "chain_status", "spot", "contracts", "contracts_non_standard"]
    assert empty.drop(known).isna().all()
    assert (empty["chain_status"], empty["contracts"], empty["contracts_non_standard"]) == ("INCOMPLETE", 0, 0)
    assert nothing[["total_put_oi", "total_put_volume", "total_oi"]].tolist() == [0, 0, 0]
    unknown = ["total_call_oi", "total_call_volume", "put_call_oi_ratio", "put_call_volume_ratio", "weighted_avg_iv"]
    assert nothing[[*unknown, "calculated_gex", "top_put_strike_1"]].isna().all()
    # The vendor's greeks hold without a spot; their dollars do not.
    assert no_spot[["total_call_gamma", "oi_without_gamma"]].tolist() == pytest.approx([0.02 * 7 * 100, 5])
    assert no_spot[["spot", "calculated_gex", "calculated_net_gex", "total_put_gamma"]].isna().all()


def random_contracts(seed: int, count: int = 400) -> list[dict[str, Any]]:
    """Every kind of contract that a vendor can give, most of them with something missing or wrong."""
    rng = np.random.default_rng(seed)

    def one() -> dict[str, Any]:
        side = rng.choice(["C", "P", "other"], p=[0.49, 0.49, 0.02])
        sign = 1 if side == "C" else -1
        return contract(
            str(side),
            float(rng.choice(np.arange(1, 400) / 2)),
            rng.choice([None, 0, int(rng.integers(1, 20_000))], p=[0.1, 0.1, 0.8]),
            dte=int(rng.choice([-1, 0, 1, 2, 7, 30, 90, 700])),
            volume=rng.choice([None, 0, int(rng.integers(1, 5_000))]),
            implied_volatility=rng.choice(
                [None, 0.0, 1e-4, 7.5, float(rng.uniform(0.05, 2))], p=[0.1, 0.1, 0.05, 0.05, 0.7]
            ),
            delta=rng.choice([None, 0.0, -0.3 * sign, 1.7 * sign, float(rng.uniform(0.001, 1)) * sign]),
            gamma=rng.choice([None, 0.0, -0.01, float(rng.uniform(1e-6, 0.2))]),
            multiplier=float(rng.choice([100.0, 10.0])),
            is_standard=bool(rng.random() > 0.05),
        )

    return [one() for _ in range(count)]


def recomputed(contracts: list[dict[str, Any]], spot: float | None, rate: float) -> dict[str, float]:
    """The summary by the calculations in Python; NaN is unknown."""
    frame = pd.DataFrame(contracts)
    frame["expiration_date"] = [MONDAY + timedelta(days=dte) for dte in frame["dte"]]
    chain = read_chain(frame, MONDAY, spot, rate=rate)
    sides = {"call": chain.is_call, "put": ~chain.is_call}
    shares = chain.open_interest * chain.multiplier
    volatility, gex = volatility_metrics(chain, []), gex_totals(chain)
    values: dict[str, float | None] = {
        "contracts": len(chain),
        "contracts_non_standard": chain.non_standard,
        "put_call_oi_ratio": volatility.pcr_oi,
        "put_call_volume_ratio": volatility.pcr_volume,
        "weighted_avg_iv": volatility.weighted_iv,
        "calculated_gex": gex and gex.gross_gex,
        "calculated_net_gex": gex and gex.net_gex,
        "total_oi": total(chain.open_interest),
        "oi_without_gamma": float(np.nansum(chain.open_interest[np.isnan(chain.gamma)])),
    }
    for side, is_side in sides.items():
        values |= {
            f"total_{side}_oi": total(chain.open_interest[is_side]),
            f"total_{side}_volume": total(chain.volume[is_side]),
            f"total_{side}_gamma": total((chain.gamma * shares)[is_side]),
            f"total_{side}_delta": total((chain.delta * shares)[is_side]),
            **walls(chain, side),
        }
    return {name: np.nan if value is None else float(value) for name, value in values.items()}


def walls(chain: Chain, side: str) -> dict[str, float]:
    table = gex_by_strike(chain)
    held = [(oi, strike) for oi, strike in zip(getattr(table, f"{side}_oi"), table.strike, strict=True) if oi > 0]
    ranked = sorted(held, key=lambda wall: (-wall[0], abs(wall[1] - (chain.spot or 0)), wall[1]))[:3]
    return {f"top_{side}_strike_{n}": strike for n, (_, strike) in enumerate(ranked, 1)} | {
        f"top_{side}_oi_{n}": oi for n, (oi, _) in enumerate(ranked, 1)
    }


def test_sql_and_python_agree_on_random_chains(chains: Chains) -> None:
    given = {f"S{seed}": (random_contracts(seed), spot) for seed, spot in enumerate([100.0, 42.5, 180.0, 0.7, None])}
    for symbol, (contracts, spot) in given.items():
        chains.store(MONDAY, symbol, contracts, spot=spot, rate=0.05 * (symbol > "S1"))
    table = chains.summarise(MONDAY)
    for symbol, (contracts, spot) in given.items():
        expected = recomputed(contracts, spot, 0.05 * (symbol > "S1"))
        found = table.loc[symbol, list(expected)].astype(float)
        # Calls and puts cancel in the net exposure: its error is one of the gross.
        net = pytest.approx(expected.pop("calculated_net_gex"), abs=1e-9 * expected["calculated_gex"], nan_ok=True)
        assert found.pop("calculated_net_gex") == net, symbol
        assert found.to_dict() == pytest.approx(expected, rel=1e-9, nan_ok=True), symbol


def test_summaries_of_a_range_are_those_of_each_session(chains: Chains) -> None:
    for seed, session in enumerate((MONDAY, TUESDAY, WEDNESDAY)):
        chains.store(session, "AAA", random_contracts(seed, 60))
        chains.store(session, "BBB", random_contracts(seed + 10, 60), status="INCOMPLETE")
    together = chains.summarise(MONDAY, TUESDAY, WEDNESDAY)
    assert len(together) == 6
    run(chains.engine, "TRUNCATE options_daily_summary")
    for session in (TUESDAY, WEDNESDAY, MONDAY):
        alone = chains.summarise(session)
    pd.testing.assert_frame_equal(alone, together)
