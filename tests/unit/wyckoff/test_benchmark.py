"""The benchmark counts right, plants what it says, and knows nothing of the engine."""

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from benchmarks.wyckoff import forward, generator, matching, mood, nulls, pages, study, templates
from benchmarks.wyckoff.generator import Label, Series, structure_series
from benchmarks.wyckoff.matching import NOTHING, Detection, Tally, pair, wilson
from benchmarks.wyckoff.nulls import KINDS, null_series
from kapman_assets.wyckoff.parameters import Detection as Rules
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.vocabulary import Event

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Of the definition of the reaches: 70 of 100 is [60.4, 78.1] %, and what it takes for more than 70 %.
    [(70, 100, 0.604, 0.781), (79, 100, 0.70, 0.86), (153, 200, 0.70, 0.82), (226, 300, 0.70, 0.80), (0, 0, 0, 1)],
)
def test_wilson(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=0.006)
    if trials > 100:
        assert wilson(hits, trials)[0] > 0.70 > wilson(hits - 1, trials)[0]


def test_counting() -> None:
    labels = [Label("SC", 100, 100), Label("AR", 110, 110), Label("ST", 120, 120), Label("PS", 80, 100)]
    told = [
        Detection("SC", 102),  # within 2
        Detection("SC", 101),  # nearer: this one counts, the other is false
        Detection("AR", 116),  # 6 bars late: missed and false
        Detection("SPRING", 121),  # mistaken for the test
        Detection("PS", 101),  # told with the climax, as it must be
        Detection("BC", 300),
    ]
    tally = Tally()
    tally.add(labels, told, 400)

    assert dict(tally.found) == {"SC": 1, "PS": 1}
    assert (tally.precision("SC"), tally.recall("SC"), tally.f1("SC")) == (0.5, 1.0, pytest.approx(2 / 3))
    assert (tally.precision("AR"), tally.recall("AR"), tally.f1("AR")) == (0, 0, 0)
    assert tally.delays == {"SC": [1], "PS": [21]}
    assert tally.confused == {
        ("SC", "SC"): 1,
        ("PS", "PS"): 1,
        ("ST", "SPRING"): 1,
        ("AR", NOTHING): 1,
        (NOTHING, "SC"): 1,
        (NOTHING, "AR"): 1,
        (NOTHING, "BC"): 1,
    }
    assert tally.alarms == 1000 * 6 / 400


def test_each_counts_once() -> None:
    labels = [Label("ST", 100, 100), Label("ST", 104, 104)]
    assert pair(labels, [Detection("ST", 102)], same_type=True) == [(labels[0], Detection("ST", 102))]
    both = pair(labels, [Detection("ST", 103), Detection("ST", 99)], same_type=True)
    assert {(label.bar, told.confirmed) for label, told in both} == {(100, 99), (104, 103)}


@pytest.mark.parametrize("module", [generator, nulls, templates])
def test_what_draws_knows_nothing_of_what_reads(module: object) -> None:
    tree = ast.parse(Path(str(vars(module)["__file__"])).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }
    assert {name for name in imported if name.startswith(("kapman", "benchmarks"))} <= {
        "benchmarks.wyckoff.generator",
        "benchmarks.wyckoff.templates",
    }


def series(seeds: range) -> list[Series]:
    return [structure_series(seed) for seed in seeds]


def test_series_are_sound_and_seeded() -> None:
    for drawn in [*series(range(60)), *(null_series(seed, kind) for seed in range(5) for kind in KINDS)]:
        opened, high, low, close, volume = drawn.bars
        assert (high >= np.maximum(opened, close)).all()
        assert (low <= np.minimum(opened, close)).all()
        assert (low > 0).all()
        assert (volume > 0).all()
    again = structure_series(7)
    assert all(np.array_equal(one, other) for one, other in zip(again.bars, series(range(7, 8))[0].bars, strict=True))
    assert structure_series(8).bars.close[0] != again.bars.close[0]


def test_labels_stand_where_the_structure_is() -> None:
    kinds, lowest = set(), []
    for drawn in series(range(120)):
        kinds.add(drawn.kind)
        bars = {label.event: label.bar for label in drawn.labels}
        low, high = drawn.bars.low, drawn.bars.high
        if "SC" in bars:
            lowest.append(low[bars["SC"]] == low[bars["SC"] - 20 : bars["SC"] + 5].min())
            assert bars.get("PS", 0) < bars["SC"]
        if {"SC", "SPRING"} <= set(bars):
            assert low[bars["SPRING"]] < low[bars["SC"]]
        if {"BC", "UTAD"} <= set(bars):
            assert high[bars["UTAD"]] > high[bars["BC"]]
        assert "TEST" not in bars or "SPRING" in bars
        assert "AR" not in bars or "SC" in bars
    assert kinds == set(templates.TEMPLATES)
    # Noise may go further than the climax, but seldom does.
    assert 0.9 < np.mean(lowest) <= 1


def test_noise_and_volume_signal_scale_and_keep_the_labels() -> None:
    calm, wild, loud = structure_series(3, 0.5), structure_series(3, 2.0), structure_series(3, 1.0, 1.5)
    plain = structure_series(3)
    assert calm.labels == wild.labels == loud.labels == plain.labels
    assert np.std(np.diff(np.log(wild.bars.close))) > 2 * np.std(np.diff(np.log(calm.bars.close)))
    # Another signal changes the volume of the labelled bars alone.
    changed = np.flatnonzero(loud.bars.volume != plain.bars.volume)
    assert set(changed) <= {label.bar for label in plain.labels} | set(range(len(plain.bars.close)))
    assert np.array_equal(loud.bars.close, plain.bars.close)
    climax = next(label.bar for label in plain.labels if label.event in {"SC", "BC"})
    assert loud.bars.volume[climax] > 1.5 * plain.bars.volume[climax]


def test_magnitudes_lie_on_both_sides_of_the_thresholds() -> None:
    """A generator whose events all pass every gate would measure itself."""
    rules = Rules()
    strengths, depths = [], []
    for drawn in series(range(300)):
        volume, low = drawn.bars.volume, drawn.bars.low
        bars = {label.event: label.bar for label in drawn.labels}
        if "SC" in bars and bars["SC"] > 40:
            at = bars["SC"]
            strengths.append((volume[at] - volume[at - 40 : at].mean()) / volume[at - 40 : at].std(ddof=1))
            if "SPRING" in bars:
                true_range = (drawn.bars.high - low)[bars["SPRING"] - 20 : bars["SPRING"]].mean()
                depths.append((low[at] - low[bars["SPRING"]]) / true_range)
    assert 0.02 < np.mean(np.array(strengths) < rules.climax_strength / 2) < 0.5
    # What a false break needs that comes back one bar later.
    assert 0.02 < np.mean(np.array(depths) < rules.break_depth + rules.break_depth_a_bar) < 0.5


def test_a_known_drift_is_found_by_the_forward_study() -> None:
    """Prices that always rise for ten sessions after a buying climax: excess, against its badge, not by chance."""
    market = {}
    for seed in range(400):
        drawn = structure_series(seed)
        if "BC" not in {label.event for label in drawn.labels}:
            continue
        bars = drawn.bars
        for told in study.detections(drawn, Rules()):
            if told.event == "BC" and told.confirmed + 12 < len(bars.close):
                gain = np.ones(len(bars.close))
                gain[told.confirmed + 2 : told.confirmed + 12] = 1.05
                bars = generator.Bars(*(values * np.cumprod(gain) for values in bars[:4]), bars.volume)  # type: ignore[call-arg]
                break
        days = [str(day) for day in np.arange("2024-01-01", "2026-12-31", dtype="datetime64[D]")[: len(bars.close)]]
        market[str(seed)] = (days, bars)
    outcomes = {(one.event, one.horizon): one for one in forward.study(market, Rules())}
    one = outcomes[Event.BC, 10]

    assert one.count >= forward.FEWEST
    assert one.low > 0
    assert one.corrected < 0.05
    assert (one.badge, one.disagrees) == (-1, True)
    assert np.isnan(outcomes[Event.UTAD, 5].corrected) == (outcomes[Event.UTAD, 5].count < forward.FEWEST)


def test_the_documents_are_written(tmp_path: Path) -> None:
    """The whole run on few seeds, without a recording."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.wyckoff", "--quick", "--output", str(tmp_path)],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "KAPMAN_REAL_DATA": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    page = (tmp_path / "wyckoff-benchmark.md").read_text()

    assert page.strip() == done.stdout.strip()
    assert all(f"| {event.name} |" in page or f"| **{event.name}** |" in page for event in Event)
    assert "simulated GARCH bars" in page
    assert not (tmp_path / "wyckoff-forward.md").exists()
    for name in ("confusion", "trade-off"):
        assert ET.parse(tmp_path / "images" / f"wyckoff-{name}.svg").getroot().tag.endswith("svg")  # noqa: S314


def test_the_picture_shows_what_was_counted() -> None:
    tally = Tally()
    tally.add([Label("SC", 10, 10)], [Detection("BC", 10)], 20)
    picture = pages.confusion_picture(tally)
    assert picture.count(">1</text>") == 1
    assert "rgb(255,0,0)" in picture
    assert matching.TOLERANCE["SPRING"] == 2


def driven(sign: float) -> dict[str, tuple[list[str], generator.Bars]]:
    """Sixty walks of 300 days, whose next weeks follow (1), oppose (-1) or do not know (0) how far each has run."""
    rng = np.random.default_rng(7)
    days = [str(day) for day in np.arange("2024-01-01", "2026-12-31", dtype="datetime64[D]")[:300]]
    market = {}
    for name in range(60):
        path = np.zeros(300)
        for t in range(1, 300):
            run = path[t - 1] - path[max(t - 50, 0) : t].mean()
            path[t] = path[t - 1] + sign * 0.02 * run + rng.normal(0, 0.01)
        close = 100 * np.exp(path)
        opened = np.concatenate([close[:1], close[:-1]])
        volume = rng.uniform(500, 1500, 300)
        market[str(name)] = (
            days,
            generator.Bars(opened, np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999, close, volume),
        )
    return market


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_the_information_of_the_mood_has_the_sign_that_was_planted(sign: float) -> None:
    got = mood.study(driven(sign), Parameters())
    proxy, extension, volume = got.coefficients
    assert (proxy.signal, extension.signal, volume.signal) == ("proxy", "extension", "volume")
    # 50 bars for a mean, 60 for a past, 20 ahead.
    assert proxy.sessions == 300 - 49 - 60 - 20
    assert volume.low < 0 < volume.high
    for one in (proxy, extension):
        assert (one.low > 0, one.high < 0) == (sign > 0, sign < 0)
        assert one.low < one.mean < one.high
    assert abs(extension.mean) < 0.05 or abs(extension.mean) > abs(proxy.mean)
    assert [rung.percentile for rung in got.rungs] == [0.7, 0.8, 0.9, 0.95]
    counts = [rung.count for rung in got.rungs]
    assert counts == sorted(counts, reverse=True)
    if sign:
        assert np.sign(got.rungs[0].excess) == sign
    page = "\n".join(pages._mood(got))
    assert f"| proxy | {proxy.sessions} | {proxy.mean:+.3f} |" in page
    rungs = ", ".join(f"{rung.percentile:.2f}" for rung in got.rungs if (rung.low if sign > 0 else -rung.high) > 0)
    assert bool(rungs) == bool(sign)
    assert f": {rungs or 'none'}." in page
    verdict = {1.0: "**against the score**", -1.0: "negative, as the score has it", 0.0: "not told from 0"}
    assert [text in page for text in verdict.values()] == [key == sign for key in verdict]
