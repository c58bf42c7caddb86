"""Counts of replayed forecasts against numbers by hand, and the document made of them."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from benchmarks.replay.page import page
from benchmarks.replay.study import FEWEST, by, reliability, tally


def forecasts(rows: list[tuple[float, bool | None]], **given: object) -> pd.DataFrame:
    """Forecasts of one week each, said with a confidence, right or wrong or inside the band; base rate one half."""
    issued = [date(2026, 1, 5) + timedelta(weeks=place) for place in range(len(rows))]
    frame = pd.DataFrame(rows, columns=["confidence", "direction_correct"]).assign(
        issued=issued,
        week=pd.to_datetime(issued),
        base_rate=0.5,
        symbol="X",
        action="FORECAST",
        direction="LONG",
        signal_type="ENTRY_SIGNAL",
        event="SPRING",
        strategy=None,
        model="rules-1",
        exit_reason="HORIZON",
        underlying_return=0.01,
        option_pnl=np.nan,
    )
    frame["hit"] = frame["direction_correct"].astype(float)
    frame["directional_brier"] = (frame["confidence"] - frame["hit"]) ** 2
    status = {True: "WIN", False: "LOSS", None: "NEUTRAL"}
    frame["outcome_status"] = [status[right] for _, right in rows]
    return frame.assign(**given)


def test_a_tally_of_the_reference() -> None:
    found = tally(forecasts([(0.7, True), (0.6, False), (0.8, True), (0.9, None)]))
    assert (found.issued, found.scored, found.neutral, found.void, found.open) == (4, 3, 1, 0, 0)
    assert found.brier == pytest.approx(0.16333, abs=5e-6)
    assert found.skill == found.half_skill == pytest.approx(0.34667, abs=5e-6)
    assert (found.hit_rate, found.confidence) == pytest.approx((2 / 3, 0.7))
    # Three are too few for an interval.
    assert np.isnan(found.skill_low)


def test_what_has_no_outcome_is_open_and_what_was_not_entered_void() -> None:
    frame = forecasts([(0.7, None), (0.7, None)], outcome_status=[None, "VOID"])
    found = tally(frame)
    assert (found.open, found.void, found.neutral, found.scored) == (1, 1, 0, 0)
    assert np.isnan([found.hit_rate, found.brier, found.skill]).all()


def test_an_interval_is_of_whole_weeks() -> None:
    # Ten weeks of 30 forecasts that are all right or all wrong: 300 forecasts know no more than ten weeks.
    one = forecasts([(0.7, place % 2 == 0) for place in range(10)])
    many = pd.concat([one] * FEWEST, ignore_index=True)
    found = tally(many)
    assert found.skill == pytest.approx(1 - (0.09 + 0.49) / 2 / 0.25)
    assert found.skill_low < found.skill < found.skill_high
    # The mean of ten scores of 0.09 or 0.49 has a standard error of 0.063, which is 0.25 of the skill.
    assert found.skill_high - found.skill_low == pytest.approx(2 * 1.96 * 0.253, rel=0.2)


def test_groups_and_tenths() -> None:
    frame = forecasts([(0.7, True), (0.79, False), (0.8, True)], signal_type=["A", "B", "B"])
    assert {name: one.issued for name, one in by(frame, "signal_type").items()} == {"B": 2, "A": 1}
    assert {name: one.scored for name, one in reliability(frame).items()} == {"0.7 to 0.8": 2, "0.8 to 0.9": 1}


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ([True] * 40, "better than the base rate by more than chance"),
        ([False] * 40, "worse than the base rate by more than chance"),
        ([True, False] * 20, "no better and no worse"),
        ([True] * 5, "too few to say anything"),
    ],
)
def test_the_document_says_what_the_numbers_say(rights: list[bool], said: str) -> None:
    confidence = 0.6 if said.startswith("no better") else 0.8
    # As often right as wrong, a confidence of a half scores what the base rate does.
    frame = forecasts([(0.5 if "no better" in said else confidence, right) for right in rights])
    if "no better" in said:
        frame["base_rate"] = np.where(np.arange(len(frame)) % 4 < 2, 0.45, 0.55)
        frame["directional_brier"] = 0.25
    text = page(frame, "recorded", (0.58, 1000), None)
    assert said in text
    assert f"{len(rights)} forecasts: {len(rights)} right or wrong" in text
    assert "There are no option chains" in text
    assert "58.0% were followed by a higher close" in text
    assert "nan" not in text


def test_the_document_shows_calibration_and_strategies() -> None:
    frame = forecasts([(0.7, True)] * 40, strategy="LONG_CALL", option_pnl=50.0)
    text = page(frame, "simulated", (0.5, 10), (0.25, 0.21))
    assert "Brier 0.2500 raw, 0.2100 calibrated" in text
    assert "| LONG_CALL | 40 | 40 | 0 | 100.0% |" in text
