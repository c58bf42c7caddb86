"""A rule asked of PostgreSQL keeps the rows that it keeps of a frame."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_assets.rules.catalogue import Catalogue, Name
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.evaluation import evaluate
from kapman_assets.rules.parser import parse
from kapman_assets.rules.sql import to_sql

COLUMNS = ("a", "b", "c")
CATALOGUE = Catalogue([*(Name(name, "", "", name) for name in COLUMNS), Name("alias", "", "", "a")])
ROWS = sa.table("rule_rows", sa.column("id", sa.Integer), *(sa.column(name, sa.Double) for name in COLUMNS))

operands = st.sampled_from(["a", "b", "c", "alias", "0", "-1", "1.5"])
comparisons = st.builds(
    "{} {} {}".format,
    st.sampled_from(["a", "b", "c", "alias"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    operands,
)
rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=6,
)


@pytest.fixture
def frame(engine: sa.Engine) -> pd.DataFrame:
    """Every combination of NULL and four numbers, in a frame and in a table."""
    values = [None, -1.0, 0.0, 1.5, 2.0]
    frame = pd.DataFrame(list(product(values, repeat=3)), columns=list(COLUMNS), dtype="float64")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE rule_rows (id int, a float8, b float8, c float8)"))
        rows = [
            {"id": place, **{name: None if np.isnan(row[name]) else row[name] for name in COLUMNS}}
            for place, row in frame.iterrows()
        ]
        connection.execute(sa.insert(ROWS), rows)
    return frame


def test_the_database_and_the_frame_agree(engine: sa.Engine, frame: pd.DataFrame) -> None:
    kept_any = 0
    with engine.connect() as connection:

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(rules)
        def agree(text: str) -> None:
            nonlocal kept_any
            rule = parse(text, CATALOGUE)
            asked = to_sql(rule, ROWS.c)
            query = sa.select(ROWS.c.id, asked).order_by(ROWS.c.id)
            answers = [value for _, value in connection.execute(query)]
            expected = [None if value is pd.NA else bool(value) for value in evaluate(rule, frame)]
            assert answers == expected
            kept = list(connection.scalars(sa.select(ROWS.c.id).where(asked).order_by(ROWS.c.id)))
            assert kept == [place for place, value in enumerate(expected) if value]
            kept_any += bool(kept)

        agree()
    assert kept_any


def test_numbers_are_bound() -> None:
    clause = to_sql(parse("a <= -1.25 and 2 > b", CATALOGUE), ROWS.c)
    compiled = clause.compile()

    assert "1.25" not in str(compiled)
    assert sorted(compiled.params.values()) == [-1.25, 2.0]


def test_a_crossing_is_no_condition_of_one_row() -> None:
    with pytest.raises(RuleError, match="cross_above needs the session before") as caught:
        to_sql(parse("a<1 and cross_above(b, 0)", CATALOGUE), ROWS.c)
    assert caught.value.position == 8


def test_a_table_without_the_column() -> None:
    with pytest.raises(KeyError, match="b"):
        to_sql(parse("b<1", CATALOGUE), {"a": ROWS.c.a})
