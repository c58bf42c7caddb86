"""Scores against worked numbers: those of the reference (§6.6), and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.decisions import scoring
from kapman_assets.decisions.idea import Direction


def test_brier_of_the_reference() -> None:
    assert scoring.directional_brier(0.7, True) == pytest.approx(0.09, abs=1e-15)
    assert scoring.directional_brier(0.7, False) == pytest.approx(0.49, abs=1e-15)
    scores = [scoring.directional_brier(said, came) for said, came in ((0.7, True), (0.6, False), (0.8, True))]
    assert sum(scores) / 3 == pytest.approx(0.16333, abs=5e-6)
    assert scoring.skill(scores, [0.25] * 3) == pytest.approx(0.34667, abs=5e-6)
    assert scoring.skill([0.1], [0.0]) is None


@pytest.mark.parametrize(
    ("direction", "moved", "right"),
    [
        ("LONG", 0.021, True),
        ("LONG", 0.02, None),  # the band's edge is inside
        ("LONG", -0.02, None),
        ("LONG", -0.021, False),
        ("SHORT", 0.021, False),
        ("SHORT", 0.0, None),
        ("SHORT", -0.021, True),
        ("NEUTRAL", 0.02, True),
        ("NEUTRAL", 0.021, False),
        ("NEUTRAL", -0.5, False),
    ],
)
def test_directions(direction: Direction, moved: float, right: bool | None) -> None:
    assert scoring.direction_correct(direction, moved, 0.02) is right


def test_components() -> None:
    assert [scoring.direction_score(right) for right in (True, False, None)] == [1.0, 0.0, 0.5]
    assert [scoring.profitability_score(gain) for gain in (-3.0, -1.0, 0.0, 0.5, 1.0, 4.0)] == [0, 0, 0.5, 0.75, 1, 1]
    assert scoring.timing_score(0.09, 0.03) == pytest.approx(0.75)
    assert scoring.timing_score(0.0, 0.0) is None


def test_success_score_is_over_the_known_components() -> None:
    assert scoring.success_score(1.0, 0.75, 0.25) == pytest.approx(0.5 + 0.225 + 0.05)
    assert scoring.success_score(1.0, None, 0.25) == pytest.approx((0.5 + 0.05) / 0.7)
    assert scoring.success_score(0.5, None, None) == pytest.approx(0.5)


@given(st.floats(0, 1), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1))
def test_success_score_lies_between_its_components(one: float, two: float | None, three: float | None) -> None:
    known = [part for part in (one, two, three) if part is not None]
    assert min(known) - 1e-12 <= scoring.success_score(one, two, three) <= max(known) + 1e-12


def test_status() -> None:
    assert [scoring.outcome_status(right, is_void=False) for right in (True, False, None)] == ["WIN", "LOSS", "NEUTRAL"]
    assert scoring.outcome_status(None, is_void=True) == "VOID"
