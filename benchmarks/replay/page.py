"""Writes what a replay gave: one document. Says nothing that the numbers do not."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.replay.study import FEWEST, RESAMPLES, Tally, by, reliability, tally

_MARKETS = {"recorded": "recorded US bars", "simulated": "the simulated market", "live": "the live market"}


def page(frame: pd.DataFrame, market: str, up: tuple[float, int], calibration: tuple[float, float] | None) -> str:
    """The document.

    Args:
        frame: of `read_forecasts`, at least one.
        market: recorded, simulated or live.
        up: share of sessions and names that were higher 20 sessions later, and of how many.
        calibration: newest raw and calibrated Brier score on the held-out fifth; None with too few outcomes.
    """
    whole = tally(frame)
    models = ", ".join(f"`{model}`" for model in sorted(frame["model"].unique()))
    has_legs = frame["strategy"].notna().any()
    return "\n".join(
        [
            f"# Replay over {_MARKETS[market]}",
            "",
            f"Written by `python -m benchmarks.replay{'' if market == 'recorded' else ' --configured'}`; do not edit. "
            "Rules of judgement: [decisions-layer.md](decisions-layer.md).",
            "",
            f"What {models} would have said in each session from {frame['issued'].min()} to {frame['issued'].max()}, "
            f"{frame['symbol'].nunique():,} names, each session seeing nothing later, and how it ended. "
            + (
                "Contracts are those of the sessions' chains."
                if has_legs
                else "There are no option chains of these sessions: every idea is a direction of the underlying, and "
                "nothing is said of options."
            )
            + (
                " Names are large companies and funds of today: failed companies are not among them."
                if market == "recorded"
                else ""
            ),
            "",
            f"{whole.issued:,} forecasts: {whole.scored:,} right or wrong, {whole.neutral:,} inside their neutral "
            f"band, {whole.void:,} never entered, {whole.open:,} not over yet. "
            f"**Hit rate {_share(whole.hit_rate)}** [{_share(whole.hit_low)}, {_share(whole.hit_high)}], said with a "
            f"mean confidence of {_share(whole.confidence)}. **Brier {whole.brier:.4f}**, {whole.brier_base:.4f} for "
            f"always saying the hit rate of the weeks before: **skill {_signed(whole.skill)}** "
            f"[{_signed(whole.skill_low)}, {_signed(whole.skill_high)}]. {_verdict(whole)}",
            "",
            f"For comparison, of all {up[1]:,} sessions of these names {_share(up[0])} were followed by a higher close "
            "20 sessions later.",
            "",
            *_section("By signal", "signal", by(frame, "signal_type")),
            *_section("By event", "event", by(frame, "event")),
            *_section("By direction", "direction", by(frame, "direction")),
            *_section("By action", "action", by(frame, "action")),
            *(_section("By strategy", "strategy", by(frame, "strategy")) if has_legs else []),
            "## Reliability",
            "",
            "What was said, and what came of it. A confidence is honest where both agree.",
            "",
            *_table(
                ("confidence", "scored", "mean said", "came true", "95 %"),
                [
                    (name, f"{one.scored:,}", _share(one.confidence), _share(one.hit_rate), _interval(one))
                    for name, one in reliability(frame).items()
                ],
            ),
            "",
            _calibrated(calibration),
            "",
            "## How they ended",
            "",
            *_table(
                ("", "forecasts", "mean return of the underlying"),
                [
                    (str(reason), f"{len(own):,}", _signed(own["underlying_return"].mean()))
                    for reason, own in frame.groupby("exit_reason")
                ],
            ),
            "",
            f"Intervals of hit rates are Wilson's, those of skill come from {RESAMPLES:,} resamples of whole weeks, "
            f"since forecasts of a week share its market; with fewer than {FEWEST} scored forecasts there is none. "
            "No costs.",
            "",
        ]
    )


def _verdict(one: Tally) -> str:
    if np.isnan(one.skill_low):
        return "That is too few to say anything."
    if one.skill_low > 0:
        return "That is better than the base rate by more than chance."
    if one.skill_high < 0:
        return "That is worse than the base rate by more than chance."
    return "That is no better and no worse than the base rate beyond chance."


def _calibrated(scores: tuple[float, float] | None) -> str:
    if scores is None:
        return "Too few outcomes for a calibration of the confidence."
    raw, calibrated = scores
    return (
        f"Isotonic calibration, fitted on the first four fifths of the outcomes and tested on the last: Brier "
        f"{raw:.4f} raw, {calibrated:.4f} calibrated."
    )


def _section(title: str, name: str, groups: Mapping[str, Tally]) -> list[str]:
    head = (name, "forecasts", "scored", "neutral", "hit rate", "95 %", "said", "Brier", "base", "skill", "95 %")
    rows = [
        (
            value, f"{one.issued:,}", f"{one.scored:,}", f"{one.neutral:,}", _share(one.hit_rate), _interval(one),
            _share(one.confidence), _number(one.brier), _number(one.brier_base), _signed(one.skill),
            "too few" if np.isnan(one.skill_low) else f"[{_signed(one.skill_low)}, {_signed(one.skill_high)}]",
        )
        for value, one in groups.items()
    ]  # fmt: skip
    return [f"## {title}", "", *_table(head, rows), ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] + ["--:"] * (len(head) - 1), *rows)]


def _interval(one: Tally) -> str:
    return f"[{_share(one.hit_low)}, {_share(one.hit_high)}]" if one.scored else ""


def _share(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.1%}"


def _signed(value: float) -> str:
    return "" if np.isnan(value) else f"{value:+.1%}"


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"
