"""Parameters go to JSON and back, and a wrong one is told by name."""

import json
import re
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.wyckoff.parameters import ChecklistRules, Detection, Parameters
from kapman_resources.errors import ConfigurationError


def test_json_and_back() -> None:
    ours = replace(
        Parameters(),
        version="trial",
        detection=Detection(climax_strength=6.25, reclaim_bars=2),
        checklist=ChecklistRules(reward_ratio=2.0),
    )
    assert Parameters.from_json(ours.to_json()) == ours
    assert Parameters.from_json("{}") == Parameters()
    assert json.loads(ours.to_json())["detection"]["climax_strength"] == 6.25


@given(st.floats(0.1, 9), st.integers(1, 99))
def test_every_number_survives(strength: float, bars: int) -> None:
    ours = replace(Parameters(), detection=Detection(climax_strength=strength, ar_bars=bars), replay_bars=bars)
    assert Parameters.from_json(ours.to_json()) == ours


def test_whole_numbers_stand_for_real_ones() -> None:
    read = Parameters.from_json('{"detection": {"climax_strength": 6}}')
    assert read.detection.climax_strength == 6.0
    assert isinstance(read.detection.climax_strength, float)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"detection": {"climax_strenght": 6}}', "parameters.detection: no parameter is called climax_strenght"),
        ('{"detection": {"ar_bars": 2.5}}', "detection.ar_bars: expected int, found 2.5"),
        ('{"detection": {"ar_bars": true}}', "detection.ar_bars: expected int, found True"),
        ('{"detection": 5}', "detection: expected an object, found 5"),
        ('{"version": 1}', "parameters.version: expected str, found 1"),
        ("[]", "parameters: expected an object"),
    ],
)
def test_a_wrong_parameter_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Parameters.from_json(text)


def test_they_are_frozen_and_documented() -> None:
    with pytest.raises(FrozenInstanceError):
        Parameters().version = "other"  # type: ignore[misc]
    said = Detection.__doc__ or ""
    assert [name for name in Detection._fields if name not in said] == []
    assert asdict(Parameters())["replay_bars"] == 500


def test_the_document_gives_every_threshold() -> None:
    text = (Path(__file__).parents[3] / "docs" / "wyckoff.md").read_text(encoding="utf-8")
    given = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", text, flags=re.MULTILINE))
    assert given == {name: f"{value:g}" for name, value in Detection()._asdict().items()}
