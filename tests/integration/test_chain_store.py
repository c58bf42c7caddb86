"""Chains in the warehouse: one transaction, never a worse chain for a better one, two writers at once."""

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from kapman_assets.options import chain_store
from kapman_assets.options.chain_store import Chain, ChainStatus
from kapman_assets.options.snapshot import read_snapshots
from kapman_resources import partitioning
from tests.chain_pages import vendor_row

SESSION = date(2026, 8, 21)
EXPIRY = date(2026, 9, 18)


@pytest.fixture
def ids(engine: sa.Engine) -> dict[str, int]:
    """Three watched names."""
    with engine.begin() as connection:
        rows = connection.execute(
            sa.text("""
                INSERT INTO tickers (symbol, options_enabled) VALUES ('AAA', true), ('BBB', true), ('CCC', true)
                RETURNING symbol, ticker_id""")
        )
        found = dict(rows.all())
    with engine.connect() as connection:
        chain_store.make_room(connection, [SESSION])
    return found


def contracts(ids: dict[str, int], strikes: dict[str, Sequence[float]]) -> pd.DataFrame:
    takes = {
        symbol: [{"results": [vendor_row(symbol, SESSION, EXPIRY, "call", strike) for strike in some]}]
        for symbol, some in strikes.items()
    }
    rows = read_snapshots(takes, SESSION).rows
    return rows.assign(ticker_id=rows["symbol"].map(ids))


def write(
    engine: sa.Engine, ids: dict[str, int], status: dict[str, ChainStatus], strikes: dict[str, Sequence[float]]
) -> list[str]:
    """Store chains of these statuses and strikes; the symbols that were written."""
    names = {ticker_id: symbol for symbol, ticker_id in ids.items()}
    chains = [
        Chain(ids[symbol], each, contracts=len(strikes.get(symbol, ())), snapshot_ts=datetime.now(UTC))
        for symbol, each in status.items()
    ]
    written = chain_store.write_chains(engine, SESSION, chains, contracts(ids, strikes), run_id="run")
    return sorted(names[chain.ticker_id] for chain in written)


def stored(engine: sa.Engine) -> dict[str, tuple[str, list[float]]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("""
                SELECT t.symbol, s.status, coalesce(array_agg(c.strike ORDER BY c.strike)
                                                        FILTER (WHERE c.strike IS NOT NULL), '{}')
                FROM options_chain_status s JOIN tickers t USING (ticker_id)
                LEFT JOIN options_chains c ON c.date = s.date AND c.ticker_id = s.ticker_id
                GROUP BY t.symbol, s.status""")
        )
        return {symbol: (status, strikes) for symbol, status, strikes in rows}


def test_a_chain_and_its_status_appear_together(engine: sa.Engine, ids: dict[str, int]) -> None:
    status = {"AAA": ChainStatus.COMPLETE, "BBB": ChainStatus.NO_OPTIONS, "CCC": ChainStatus.FAILED}
    assert write(engine, ids, status, {"AAA": [90, 100]}) == ["AAA", "BBB", "CCC"]
    assert stored(engine) == {"AAA": ("COMPLETE", [90, 100]), "BBB": ("NO_OPTIONS", []), "CCC": ("FAILED", [])}
    with engine.connect() as connection:
        chains = chain_store.stored_chains(connection, SESSION)
    assert {ticker_id: chain.status for ticker_id, chain in chains.items()} == {ids[n]: s for n, s in status.items()}
    assert chains[ids["AAA"]].contracts == 2


def test_writing_again_replaces(engine: sa.Engine, ids: dict[str, int]) -> None:
    for strikes in ([90, 100], [100, 110, 120]):
        write(engine, ids, {"AAA": ChainStatus.COMPLETE}, {"AAA": strikes})
        assert stored(engine) == {"AAA": ("COMPLETE", strikes)}


@pytest.mark.parametrize(
    ("before", "after", "replaced"),
    [
        (("COMPLETE", [90]), ("INCOMPLETE", [90, 100]), False),
        (("COMPLETE", [90]), ("NO_OPTIONS", []), False),
        (("COMPLETE", [90]), ("FAILED", []), False),
        (("INCOMPLETE", [90, 100]), ("INCOMPLETE", [90]), False),
        (("INCOMPLETE", [90]), ("INCOMPLETE", [90, 100]), True),
        (("INCOMPLETE", [90, 100]), ("FAILED", []), False),
        (("INCOMPLETE", [90, 100]), ("COMPLETE", [90]), True),
        (("NO_OPTIONS", []), ("COMPLETE", [90]), True),
        (("FAILED", []), ("INCOMPLETE", [90]), True),
    ],
)
def test_a_chain_never_gets_worse(
    engine: sa.Engine,
    ids: dict[str, int],
    before: tuple[str, list[float]],
    after: tuple[str, list[float]],
    replaced: bool,
) -> None:
    for status, strikes in (before, after):
        write(engine, ids, {"AAA": ChainStatus(status)}, {"AAA": strikes})
    assert stored(engine) == {"AAA": after if replaced else before}


def test_a_transaction_that_fails_changes_nothing(engine: sa.Engine, ids: dict[str, int]) -> None:
    write(engine, ids, {"AAA": ChainStatus.COMPLETE}, {"AAA": [90]})
    doubled = pd.concat([contracts(ids, {"AAA": [100]})] * 2)
    chain = Chain(ids["AAA"], ChainStatus.COMPLETE, contracts=2)
    with pytest.raises(psycopg.errors.UniqueViolation):
        chain_store.write_chains(engine, SESSION, [chain], doubled, run_id=None)
    assert stored(engine) == {"AAA": ("COMPLETE", [90])}


def test_two_writers_at_once_leave_one_of_both(engine: sa.Engine, ids: dict[str, int]) -> None:
    problems: list[BaseException] = []

    def work(strikes: list[float]) -> None:
        try:
            for _ in range(10):
                write(
                    engine,
                    ids,
                    {"AAA": ChainStatus.COMPLETE, "BBB": ChainStatus.COMPLETE},
                    {"AAA": strikes, "BBB": strikes},
                )
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(strikes,)) for strikes in ([90.0, 100.0], [110.0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert stored(engine) in (dict.fromkeys(("AAA", "BBB"), ("COMPLETE", strikes)) for strikes in ([90, 100], [110]))


def test_watched_names_come_with_the_prices_known_at_the_close(engine: sa.Engine, ids: dict[str, int]) -> None:
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], [SESSION])
    with engine.begin() as connection:
        bar = sa.text(
            "INSERT INTO ohlcv (ticker_id, date, open, high, low, close, volume, source) "
            "VALUES (:id, :day, :price, :price, :price, :price, 1, 'flatfile')"
        )
        bars = [("AAA", 20, 400.0), ("AAA", 21, 101.0), ("AAA", 24, 999.0), ("BBB", 20, 400.0), ("CCC", 3, 50.0)]
        connection.execute(
            bar, [{"id": ids[name], "day": date(2026, 8, day), "price": price} for name, day, price in bars]
        )
        # BBB splits 4:1 on the session: the strikes of its chain are in the new shares.
        connection.execute(
            sa.text(
                "INSERT INTO splits (ticker_id, execution_date, split_from, split_to, applies_from, price_factor) "
                "VALUES (:id, '2026-08-21', 1, 4, '0001-01-01', 0.25)"
            ),
            {"id": ids["BBB"]},
        )
        connection.execute(sa.text("INSERT INTO portfolios (name) VALUES ('P')"))
        connection.execute(
            sa.text(
                "INSERT INTO portfolio_tickers (portfolio_id, ticker_id, priority) "
                "SELECT portfolio_id, :id, 'P1' FROM portfolios"
            ),
            {"id": ids["CCC"]},
        )
    with engine.connect() as connection:
        watched = chain_store.read_watched(connection, SESSION, None)
        first = chain_store.read_watched(connection, SESSION, 1)
    assert [(name.symbol, name.close, name.price) for name in watched] == [
        ("CCC", None, None),
        ("AAA", 101.0, 101.0),
        ("BBB", None, 100.0),
    ]
    assert [name.symbol for name in first] == ["CCC"]
