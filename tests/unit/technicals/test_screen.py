"""Screens on a real table: what they match, what they refuse, and that nothing of them is read as SQL."""

import operator
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from kapman_assets.technicals.screen import And, Compare, Condition, Not, Operator, Or, ScreenError, screen, screenable
from kapman_resources import database
from kapman_resources.embedded import EmbeddedPostgres

TABLE = sa.Table(
    "screened",
    sa.MetaData(),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("session", sa.Date),
    sa.Column("is_stale", sa.Boolean),
    sa.Column("rsi_14", sa.Double),
    sa.Column("close", sa.Double),
    sa.Column("sma_200", sa.Double),
    sa.Column("bars", sa.Integer),
    prefixes=["TEMPORARY"],
)
ROWS = [
    {"symbol": "LOW", "rsi_14": 25.0, "close": 90.0, "sma_200": 100.0, "bars": 300},
    {"symbol": "HIGH", "rsi_14": 75.0, "close": 110.0, "sma_200": 100.0, "bars": 300},
    {"symbol": "EVEN", "rsi_14": 50.0, "close": 100.0, "sma_200": 100.0, "bars": 200},
    {"symbol": "NEW", "rsi_14": None, "close": 10.0, "sma_200": None, "bars": 5},
]
COMPARE = {
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.AT_LEAST: operator.ge,
    Operator.ABOVE: operator.gt,
}


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[sa.Connection]:
    engine = database.make_engine(postgres.url("postgres"), application_name="test")
    with engine.connect() as connection:
        TABLE.create(connection)
        connection.execute(sa.insert(TABLE), ROWS)
        yield connection
    engine.dispose()


def matches(connection: sa.Connection, condition: Condition) -> set[str]:
    return {row.symbol for row in connection.execute(screen(TABLE, condition))}


@pytest.mark.parametrize("how", Operator)
def test_each_operator(connection: sa.Connection, how: Operator) -> None:
    expected = {row["symbol"] for row in ROWS if row["rsi_14"] is not None and COMPARE[how](row["rsi_14"], 50)}

    assert matches(connection, Compare("rsi_14", how, 50)) == expected
    assert 0 < len(expected) < 3


def test_groups_and_opposites(connection: sa.Connection) -> None:
    cheap, many = Compare("rsi_14", Operator.BELOW, 30), Compare("bars", Operator.AT_LEAST, 300)

    assert matches(connection, And((cheap, many))) == {"LOW"}
    assert matches(connection, Or((cheap, Compare("bars", Operator.BELOW, 10)))) == {"LOW", "NEW"}
    assert matches(connection, And((many, Not(cheap)))) == {"HIGH"}
    assert matches(connection, Not(Or((cheap, many)))) == {"EVEN"}


def test_a_column_with_another(connection: sa.Connection) -> None:
    assert matches(connection, Compare("close", Operator.ABOVE, "sma_200")) == {"HIGH"}


def test_what_is_unknown_matches_nothing(connection: sa.Connection) -> None:
    below = Compare("rsi_14", Operator.BELOW, 1000)

    assert "NEW" not in matches(connection, below) | matches(connection, Not(below))


def test_rows_come_whole_and_the_query_can_go_on(connection: sa.Connection) -> None:
    query = screen(TABLE, Compare("bars", Operator.ABOVE, 0)).order_by(TABLE.c.close.desc()).limit(1)
    row = connection.execute(query).one()

    assert (row.symbol, row.close, row.bars) == ("HIGH", 110.0, 300)


def comparisons() -> st.SearchStrategy[Condition]:
    return st.builds(
        Compare,
        st.sampled_from(("rsi_14", "close", "sma_200", "bars")),
        st.sampled_from(Operator),
        st.sampled_from((0, 25, 50.0, 100, 300)) | st.sampled_from(("close", "sma_200")),
    )


def conditions() -> st.SearchStrategy[Condition]:
    return st.recursive(
        comparisons(),
        lambda inner: (
            st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
            | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
            | st.builds(Not, inner)
        ),
        max_leaves=6,
    )


def judged(condition: Condition, row: dict[str, float | str | None]) -> bool | None:
    """The condition on a row in the three-valued logic of SQL, written anew."""
    match condition:
        case Compare(column, how, value):
            left, right = row[column], row[value] if isinstance(value, str) else value
            return None if left is None or right is None else bool(COMPARE[how](left, right))
        case Not(inner):
            result = judged(inner, row)
            return None if result is None else not result
        case And(inners) | Or(inners):
            decisive = isinstance(condition, Or)
            results = [judged(inner, row) for inner in inners]
            return decisive if decisive in results else None if None in results else not decisive


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions())
def test_any_screen_is_what_it_says(connection: sa.Connection, condition: Condition) -> None:
    expected = {row["symbol"] for row in ROWS if judged(condition, row)}

    assert matches(connection, condition) == expected


def test_values_are_bound() -> None:
    compiled = screen(TABLE, Compare("rsi_14", Operator.BELOW, 31.25)).compile(dialect=postgresql.dialect())

    assert "31.25" not in str(compiled)
    assert 31.25 in compiled.params.values()


def test_columns_that_can_be_screened() -> None:
    assert screenable(TABLE) == ["rsi_14", "close", "sma_200", "bars"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (Compare("rsi14", Operator.BELOW, 1), "no column 'rsi14'; the nearest is 'rsi_14'"),
        (Compare("close", Operator.BELOW, "sma200"), "no column 'sma200'; the nearest is 'sma_200'"),
        (Compare("1=1; DROP TABLE tickers; --", Operator.BELOW, 1), "no column '1=1; DROP TABLE tickers; --'"),
        (Compare("symbol", Operator.EQUAL, 1), "column symbol of screened holds no numbers"),
        (Compare("is_stale", Operator.EQUAL, 1), "column is_stale of screened holds no numbers"),
        (Compare("close", "; DELETE", 1), "operator '; DELETE' on close: use one of <, <=, =, !=, >=, >"),  # type: ignore[arg-type]
        (Compare("close", Operator.BELOW, float("nan")), "value nan for close: use a finite number"),
        (Compare("close", Operator.BELOW, float("inf")), "value inf for close"),
        (Compare("close", Operator.BELOW, True), "value True for close"),
        (Compare("close", Operator.BELOW, None), "value None for close"),  # type: ignore[arg-type]
        (And(()), "And holds no condition"),
        (Not(Or(())), "Or holds no condition"),
        ("close < 1", "'close < 1' is no condition"),
    ],
)
def test_what_cannot_be_asked_is_refused(condition: Condition, message: str) -> None:
    with pytest.raises(ScreenError) as error:
        screen(TABLE, condition)
    assert message in str(error.value)


def test_a_table_without_numbers() -> None:
    words = sa.Table("words", sa.MetaData(), sa.Column("word", sa.Text))
    with pytest.raises(ScreenError, match="words has no column of numbers"):
        screen(words, Compare("length", Operator.ABOVE, 1))
