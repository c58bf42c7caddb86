"""Cumulative split factors: the reference's values, an independent product, and rows that cannot be used."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import inf, nan
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_assets.market.split_factors import FIRST_DAY, SplitRows, with_factors

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
COLUMNS = ["symbol", "execution_date", "split_from", "split_to", "vendor_factor"]
DAY = timedelta(days=1)

Split = tuple[str, date, int, int]


def listed(splits: SplitRows) -> list[dict[Any, Any]]:
    return splits.rows.drop(columns="vendor_factor").to_dict("records")


def factors(*splits: Sequence[object]) -> SplitRows:
    """Of (symbol, execution_date, split_from, split_to)."""
    raw = pd.DataFrame([(*split, None) for split in splits], columns=COLUMNS)
    return with_factors(raw.astype({"execution_date": object}))


def factor_at(rows: pd.DataFrame, symbol: str, day: date) -> float:
    """The factor of the interval that holds `day`; 1 after the last split. At most one interval may."""
    splits = zip(rows["symbol"], rows["applies_from"], rows["execution_date"], rows["price_factor"], strict=True)
    holding = [factor for name, first, end, factor in splits if name == symbol and first <= day < end]
    assert len(holding) <= 1, (symbol, day, holding)
    return holding[0] if holding else 1.0


def product(splits: Sequence[Split], symbol: str, day: date) -> Fraction:
    """reference.md 1.6: PROD(split_from / split_to) over every split with day < execution_date."""
    result = Fraction(1)
    for name, executed, split_from, split_to in splits:
        if name == symbol and day < executed:
            result *= Fraction(split_from, split_to)
    return result


def test_four_for_one_quarters_the_price_strictly_before_its_day() -> None:
    executed = date(2020, 8, 31)
    rows = factors(("AAPL", "2020-08-31", 1, 4)).rows

    assert factor_at(rows, "AAPL", executed - DAY) == 0.25
    assert 400 * factor_at(rows, "AAPL", executed - DAY) == 100
    assert factor_at(rows, "AAPL", executed) == 1
    assert factor_at(rows, "AAPL", executed + DAY) == 1
    assert factor_at(rows, "AAPL", FIRST_DAY) == 0.25


def test_two_for_one_and_later_one_for_ten_make_five_before_both() -> None:
    rows = factors(("X", "2020-01-10", 1, 2), ("X", "2022-01-10", 10, 1)).rows

    assert factor_at(rows, "X", date(2020, 1, 9)) == 5.0
    assert factor_at(rows, "X", date(2020, 1, 10)) == 10.0
    assert factor_at(rows, "X", date(2022, 1, 9)) == 10.0
    assert factor_at(rows, "X", date(2022, 1, 10)) == 1.0


def test_a_row_says_everything_of_its_split() -> None:
    raw = pd.DataFrame([("X", "2022-07-18", 1, 20, 0.05), ("X", "2024-07-18", 3, 2, 1.5)], columns=COLUMNS)

    rows = with_factors(raw).rows

    assert rows.to_dict("records") == [
        {
            "symbol": "X", "execution_date": date(2022, 7, 18), "split_from": 1, "split_to": 20, "vendor_factor": 0.05,
            "applies_from": FIRST_DAY, "price_factor": pytest.approx(0.075, rel=1e-15),
        },
        {
            "symbol": "X", "execution_date": date(2024, 7, 18), "split_from": 3, "split_to": 2, "vendor_factor": 1.5,
            "applies_from": date(2022, 7, 18), "price_factor": 1.5,
        },
    ]  # fmt: skip


def test_no_splits_are_no_rows() -> None:
    result = with_factors(pd.DataFrame(columns=COLUMNS))

    assert (len(result.rows), len(result.refused)) == (0, 0)
    assert [*COLUMNS, "applies_from", "price_factor"] == list(result.rows)


def test_dates_may_come_as_dates() -> None:
    assert listed(factors(("X", date(2020, 1, 10), 1, 2))) == listed(factors(("X", "2020-01-10", 1, 2)))


RATIOS = st.integers(1, 50)
# Few symbols and days: intervals of one day and many splits of one symbol.
SPLITS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "BACpL", "BACPL"]), st.dates(date(2024, 1, 1), date(2024, 1, 20)), RATIOS, RATIOS
    ),
    max_size=25,
    unique_by=lambda split: split[:2],
)


@given(SPLITS)
@settings(UNTIMED, max_examples=60)
def test_every_day_has_the_product_of_its_later_splits(splits: list[Split]) -> None:
    rows = factors(*((s, d.isoformat(), a, b) for s, d, a, b in splits)).rows

    for symbol in ("A", "B", "BACpL", "BACPL"):
        for day in (date(2023, 12, 30) + n * DAY for n in range(25)):
            expected = float(product(splits, symbol, day))
            assert factor_at(rows, symbol, day) == pytest.approx(expected, rel=1e-13)


@given(SPLITS)
@settings(UNTIMED, max_examples=60)
def test_intervals_tile_the_past_without_gap_or_overlap(splits: list[Split]) -> None:
    rows = factors(*((s, d.isoformat(), a, b) for s, d, a, b in splits)).rows

    assert sorted(zip(rows["symbol"], rows["execution_date"], strict=True)) == sorted(split[:2] for split in splits)
    for symbol in {split[0] for split in splits}:
        own = rows[rows["symbol"] == symbol].sort_values("execution_date")
        assert own["applies_from"].tolist() == [FIRST_DAY, *own["execution_date"].tolist()[:-1]]
        assert (own["applies_from"] < own["execution_date"]).all()


@given(SPLITS, st.data())
@settings(UNTIMED, max_examples=50)
def test_the_order_of_rows_does_not_matter(splits: list[Split], data: st.DataObject) -> None:
    given_rows = [(s, d.isoformat(), a, b) for s, d, a, b in splits]
    doubled = given_rows + data.draw(st.lists(st.sampled_from(given_rows), max_size=5) if given_rows else st.just([]))
    unusable = [("A", "2024-02-30", 1, 2), ("B", "2024-01-05", 0, 2)]

    first = factors(*doubled, *unusable)
    second = factors(*data.draw(st.permutations(doubled + unusable)))

    assert listed(first) == listed(second) == listed(factors(*given_rows))
    assert len(first.refused) == len(second.refused) == 2


def test_an_exact_duplicate_is_dropped_in_silence() -> None:
    result = factors(("X", "2020-01-10", 1, 2), ("X", "2020-01-10", 1, 2), ("X", "2020-01-10", 1, 2))

    assert (len(result.rows), len(result.refused)) == (1, 0)
    assert result.rows["price_factor"].tolist() == [0.5]


def test_a_second_ratio_on_the_same_day_is_refused_and_the_first_stands() -> None:
    result = factors(
        ("X", "2020-01-10", 1, 2), ("X", "2020-01-10", 1, 3), ("X", "2020-01-10", 1, 2), ("Y", "2020-01-10", 1, 3)
    )

    assert result.rows[["symbol", "price_factor"]].values.tolist() == [["X", 0.5], ["Y", pytest.approx(1 / 3)]]
    (refused,) = result.refused.to_dict("records")
    assert (refused["symbol"], refused["execution_date"], refused["split_to"]) == ("X", date(2020, 1, 10), 3)
    assert "second ratio" in refused["reason"]


@pytest.mark.parametrize("bad", [0, -1, nan, inf, -inf, None, "", "x"])
@pytest.mark.parametrize("column", ["split_from", "split_to"])
def test_a_ratio_is_of_two_finite_positive_numbers(column: str, bad: object) -> None:
    row: dict[str, Any] = {"symbol": "X", "execution_date": "2020-01-10", "split_from": 1, "split_to": 2}
    raw = pd.DataFrame([row | {column: bad}, row | {"execution_date": "2021-01-10"}]).assign(vendor_factor=None)

    result = with_factors(raw)

    # The sound split stands as if the other were not there.
    assert result.rows[["execution_date", "applies_from", "price_factor"]].values.tolist() == [
        [date(2021, 1, 10), FIRST_DAY, 0.5]
    ]
    assert len(result.refused) == 1
    assert "ratio" in result.refused["reason"].iloc[0]


@pytest.mark.parametrize("bad", ["2024-02-30", "2024-13-01", "10.01.2020", "2020-1-1x", "", "soon", None])
def test_a_day_is_an_iso_date(bad: object) -> None:
    result = factors(("X", bad, 1, 2), ("X", "2021-01-10", 1, 2))

    assert result.rows["execution_date"].tolist() == [date(2021, 1, 10)]
    assert "date" in result.refused["reason"].iloc[0]


def test_an_unusable_row_is_no_rival_of_a_sound_one_of_its_day() -> None:
    result = factors(("X", "2020-01-10", 0, 2), ("X", "2020-01-10", 1, 2))

    assert result.rows["price_factor"].tolist() == [0.5]
    assert len(result.refused) == 1
