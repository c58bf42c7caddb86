"""The warehouse's schema: migrations, partitions, views, the market's claim, backup."""

import threading
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from kapman_assets.market import reference
from kapman_assets.market.split_factors import with_factors
from kapman_resources import database, partitioning
from kapman_resources.embedded import EmbeddedPostgres
from kapman_resources.errors import ConfigurationError, KapmanError
from kapman_resources.market import claim_market, held_market
from kapman_resources.schema import SESSION_TABLES, metadata
from kapman_resources.settings import MarketKind


def test_migrations_make_exactly_the_metadata(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_every_table_and_column_says_what_it_is(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    for table in metadata.tables:
        assert inspector.get_table_comment(table)["text"], table
        for column in inspector.get_columns(table):
            assert column["comment"], f"{table}.{column['name']}"


def test_upgrading_twice_at_once_is_harmless(postgres: EmbeddedPostgres) -> None:
    url = postgres.url("upgraded_twice")
    database.ensure_database(url)
    assert database.schema_status(url).current is None
    problems: list[BaseException] = []

    def upgrade() -> None:
        try:
            database.upgrade(url)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert database.schema_status(url).is_current


def test_session_tables_are_split_by_month(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        days = [date(2025, 12, 31), date(2026, 1, 2), date(2026, 1, 30)]
        partitioning.make_room(connection, SESSION_TABLES, days)
        partitioning.make_room(connection, SESSION_TABLES, days)
        spans = [(piece.first, piece.end) for piece in partitioning.slices(connection, "ohlcv")]
        assert spans == [(date(2025, 12, 1), date(2026, 1, 1)), (date(2026, 1, 1), date(2026, 2, 1))]
        assert len(partitioning.slices(connection, "ohlcv_quarantine")) == 2


def test_only_whole_months_before_the_cutoff_are_dropped(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], [date(2025, month, 3) for month in (1, 2, 3)])
        would = partitioning.drop_before(connection, "ohlcv", date(2025, 2, 28), dry_run=True)
        assert [piece.first for piece in would] == [date(2025, 1, 1)]
        assert len(partitioning.slices(connection, "ohlcv")) == 3
        partitioning.drop_before(connection, "ohlcv", date(2025, 3, 1), dry_run=False)
        assert [piece.first for piece in partitioning.slices(connection, "ohlcv")] == [date(2025, 3, 1)]


class _TimescaleServer:
    """Records the statements for a server with the extension, which cannot be installed beside the embedded one."""

    dialect = sa.create_engine("postgresql+psycopg://").dialect

    def __init__(self) -> None:
        self.statements: list[tuple[str, dict[str, Any]]] = []

    def scalar(self, statement: sa.TextClause, _values: object = None) -> int:
        self.statements.append((str(statement), {}))
        return 1

    def execute(self, statement: sa.TextClause, values: dict[str, Any] | None = None) -> Sequence[Any]:
        self.statements.append((str(statement), values or {}))
        if "timescaledb_information.chunks" in str(statement):
            return [("_hyper_1_1_chunk", date(2025, 1, 1), date(2025, 2, 1), 8192)]
        return []

    def rollback(self) -> None:
        """Nothing is open."""


def test_where_timescaledb_is_session_tables_are_hypertables() -> None:
    server: Any = _TimescaleServer()
    assert partitioning.enable(server)
    assert partitioning.table_options(server, "date") == {}
    partitioning.finish_table(server, "ohlcv", "date", order_by="ticker_id")
    partitioning.make_room(server, ["ohlcv"], [date(2025, 1, 2)])
    dropped = partitioning.drop_before(server, "ohlcv", date(2025, 2, 1), dry_run=False)
    text = "\n".join(statement for statement, _ in server.statements)
    assert "CREATE EXTENSION IF NOT EXISTS timescaledb" in text
    assert "create_hypertable" in text
    assert "add_compression_policy" in text
    assert "PARTITION OF" not in text
    assert [piece.name for piece in dropped] == ["_hyper_1_1_chunk"]
    assert server.statements[-1][1] == {"table": "ohlcv", "cutoff": date(2025, 2, 1)}


@pytest.fixture
def split_bars(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One bar before and after two pairs of splits, the examples of the vendor's documentation."""
    rows = [
        {"ticker": "FOUR", "execution_date": "2024-06-10", "split_from": 1, "split_to": 4},
        {"ticker": "BOTH", "execution_date": "2024-03-01", "split_from": 1, "split_to": 2},
        {"ticker": "BOTH", "execution_date": "2025-05-01", "split_from": 10, "split_to": 1},
    ]
    bars = {
        "FOUR": [("2024-06-07", 400, 1000), ("2024-06-10", 100, 4000)],
        "BOTH": [("2024-02-29", 100, 1000), ("2024-03-01", 50, 2000), ("2025-05-01", 500, 200)],
        "NONE": [("2024-06-10", 7, 70)],
    }
    with engine.begin() as connection:
        for number, symbol in enumerate(bars, start=1):
            connection.execute(
                sa.text("INSERT INTO tickers (ticker_id, symbol) OVERRIDING SYSTEM VALUE VALUES (:id, :s)"),
                {"id": number, "s": symbol},
            )
    with engine.connect() as connection:
        days = [date.fromisoformat(day) for series in bars.values() for day, _, _ in series]
        partitioning.make_room(connection, ["ohlcv"], days)
    with engine.begin() as connection:
        for number, series in enumerate(bars.values(), start=1):
            for day, price, volume in series:
                connection.execute(
                    sa.text("INSERT INTO ohlcv VALUES (:id, :day, :p, :p, :p, :p, :v, :p, 5, 'flatfile')"),
                    {"id": number, "day": day, "p": price, "v": volume},
                )
        assert reference.store_splits(connection, with_factors(reference.split_frame(rows))) == (3, ())
    with engine.connect() as connection:
        yield connection


def adjusted(connection: sa.Connection, source: str, symbol: str) -> list[tuple[str, float, float]]:
    rows = connection.execute(
        sa.text(f"SELECT date, close, volume FROM {source} WHERE symbol = :s ORDER BY date"), {"s": symbol}
    )
    return [(str(day), close, volume) for day, close, volume in rows]


def test_a_split_scales_the_bars_before_it_and_no_other(split_bars: sa.Connection) -> None:
    assert adjusted(split_bars, "v_ohlcv_adjusted", "FOUR") == [("2024-06-07", 100, 4000), ("2024-06-10", 100, 4000)]
    assert adjusted(split_bars, "v_ohlcv", "FOUR") == [("2024-06-07", 400, 1000), ("2024-06-10", 100, 4000)]
    assert adjusted(split_bars, "v_ohlcv_adjusted", "NONE") == [("2024-06-10", 7, 70)]


def test_factors_of_several_splits_multiply(split_bars: sa.Connection) -> None:
    # 2:1, then 1:10 reverse: 0.5 x 10 = 5 before both, 10 between them.
    assert adjusted(split_bars, "v_ohlcv_adjusted", "BOTH") == [
        ("2024-02-29", 500, 200),
        ("2024-03-01", 500, 200),
        ("2025-05-01", 500, 200),
    ]


def test_adjusting_as_of_a_day_knows_nothing_later(split_bars: sa.Connection) -> None:
    # Before the reverse split of 2025 the market saw 2:1-adjusted prices, and no bar of 2025.
    assert adjusted(split_bars, "fn_ohlcv_adjusted('2025-04-30')", "BOTH") == [
        ("2024-02-29", 50, 2000),
        ("2024-03-01", 50, 2000),
    ]
    assert adjusted(split_bars, "fn_ohlcv_adjusted('2024-02-29')", "BOTH") == [("2024-02-29", 100, 1000)]


def test_names_without_a_bar_of_the_session_are_found(split_bars: sa.Connection) -> None:
    needing = split_bars.execute(sa.text("SELECT symbol FROM fn_symbols_needing_ohlcv('2024-06-10')")).scalars()
    assert set(needing) == {"BOTH"}


def test_a_database_holds_one_kind_of_market_for_ever(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert held_market(connection) is None
        claim_market(connection, MarketKind.SIMULATED, "here")
        claim_market(connection, MarketKind.SIMULATED, "elsewhere")
        assert held_market(connection) == (MarketKind.SIMULATED, "here")
        with pytest.raises(ConfigurationError, match=r"holds a simulated market.*points at a live one"):
            claim_market(connection, MarketKind.LIVE, "s3://flatfiles")


def test_a_backup_brings_everything_back(warehouse_url: str, split_bars: sa.Connection, tmp_path: Path) -> None:
    before = adjusted(split_bars, "v_ohlcv_adjusted", "BOTH")
    split_bars.close()
    split_bars.engine.dispose()
    file = tmp_path / "deep" / "warehouse.dump"
    database.backup(warehouse_url, file)
    engine = database.make_engine(warehouse_url, application_name="test")
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM ohlcv"))
        with pytest.raises(KapmanError, match="in use"):
            database.restore(warehouse_url, file)
    engine.dispose()
    database.restore(warehouse_url, file)
    with engine.connect() as connection:
        assert adjusted(connection, "v_ohlcv_adjusted", "BOTH") == before
    engine.dispose()
    with pytest.raises(KapmanError, match="no backup"):
        database.restore(warehouse_url, tmp_path / "other.dump")


def test_a_damaged_backup_changes_nothing(warehouse_url: str, split_bars: sa.Connection, tmp_path: Path) -> None:
    file = tmp_path / "warehouse.dump"
    database.backup(warehouse_url, file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    split_bars.close()
    split_bars.engine.dispose()
    with pytest.raises(KapmanError, match="pg_restore failed"):
        database.restore(warehouse_url, file)
    with split_bars.engine.connect() as connection:
        assert len(adjusted(connection, "v_ohlcv", "BOTH")) == 3


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://kapman:s3cret@127.0.0.1:1/warehouse", "(?s)No answer from PostgreSQL.*DATABASE_URL"),
        ("postgresql://kapman:s3cret@/warehouse?host=/nowhere", "No answer from PostgreSQL"),
    ],
)
def test_an_unreachable_server_is_named_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        database.ensure_database(url)
    assert "s3cret" not in str(caught.value)
