"""Writes what was measured: the two documents and their pictures. Says nothing that the numbers do not."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from benchmarks.report import Row
from benchmarks.wyckoff import mood
from benchmarks.wyckoff.forward import BLOCK, FEWEST, RESAMPLES, Outcome
from benchmarks.wyckoff.matching import LOOSE, NOTHING, TIGHT, TOLERANCE, Tally, wilson
from benchmarks.wyckoff.study import together
from benchmarks.wyckoff.templates import MISSING, MUTED
from kapman_assets.wyckoff.vocabulary import MAIN_EVENTS, Event

MAIN = [event.name for event in MAIN_EVENTS]
OTHERS = [event.name for event in Event if event not in MAIN_EVENTS]
NAMES = [event.name for event in Event]

REACH_MAIN, REACH_OTHER, REACH_F1, REACH_ALARMS = 0.70, 0.60, 0.80, 2.0

SHOWN = 20
"""Horizon that the summary of the forward study speaks of, sessions."""

_CELL, _LEFT, _TOP = 34, 96, 96


def benchmark(
    *,
    seeds: range,
    null_seeds: range,
    recorded: bool,
    by_noise: Mapping[float, Tally],
    by_signal: Mapping[float, Tally],
    nulls: Mapping[str, Tally],
    trade_off: Sequence[tuple[float, Tally, Tally]],
    speed: Sequence[Row],
    version: str,
) -> str:
    """The document of the benchmark.

    Args:
        seeds: of the series with a structure.
        null_seeds: of each kind of null.
        recorded: whether blocks of recorded bars were there.
        by_noise: counts by factor on the shocks.
        by_signal: counts by factor on the events' volume.
        nulls: counts by kind of null.
        trade_off: for each strictness, counts of structures and of nulls, on development seeds.
        speed: rows of `speed.measure`.
        version: of the parameters.
    """
    nominal = by_noise[1.0]
    source = "recorded bars" if recorded else "simulated GARCH bars (no recording was there)"
    bars = sum(tally.bars for tally in nulls.values())
    return "\n".join(
        [
            "# Wyckoff benchmark",
            "",
            "Written by `python -m benchmarks.wyckoff`; do not edit. Rules of the engine: [wyckoff.md](wyckoff.md). "
            "What recorded prices did after the events: [wyckoff-forward.md](wyckoff-forward.md).",
            "",
            f"Parameters `{version}`. Seeds {seeds.start:,} to {seeds.stop - 1:,}, one symbol with one structure each "
            f"({nominal.bars:,} bars), and {len(null_seeds):,} symbols of each kind of null ({bars:,} bars). "
            "Parameters were chosen on seeds 0 to 999; seeds from 10,000 are for the report alone.",
            "",
            "A planted event is found if one of its type is **confirmed** within "
            f"{TIGHT} bars ({', '.join(sorted(TOLERANCE, key=NAMES.index))}) or {LOOSE} bars (the others) of the bar "
            "it was planted on; PS and PSY of the bar of their climax, which alone tells them. Each counts once, and "
            "everything else that is told, before and after the structure too, is false. Brackets: Wilson 95 % bounds.",
            "",
            "## Nominal noise",
            "",
            *_events_table(nominal),
            "",
            *_reaches(nominal, nulls),
            "",
            "![Planted and told events](images/wyckoff-confusion.svg)",
            "",
            "## By noise",
            "",
            "Factor on the daily shocks and wicks; trend, height of the range and false breaks stay as drawn. "
            "Precision / recall / F1.",
            "",
            *_levels_table(by_noise),
            "",
            "## By volume signal",
            "",
            "Factor on the log of the volume that an event adds, at nominal noise. Precision / recall / F1.",
            "",
            *_levels_table(by_signal),
            "",
            "## False alarms",
            "",
            f"Events told per 1,000 bars of series without any structure. Bootstrapped from blocks of {source}.",
            "",
            *_alarms_table(nulls),
            "",
            "## Trade-off",
            "",
            "What a stricter or looser climax (`climax_strength`) would buy, on the development seeds.",
            "",
            "![Trade-off](images/wyckoff-trade-off.svg)",
            "",
            *_trade_off_table(trade_off),
            "",
            "## Speed",
            "",
            *_speed_table(speed),
            "",
            "## What the generator is, and is not",
            "",
            "Five schematics are drawn as waypoints; trend, height, depth, tails, thrusts, volumes and the length of "
            f"each leg come from log-normal distributions around textbook medians, {MISSING:.0%} of the optional "
            f"events are missing and {MUTED:.0%} of the ranges begin without a climax (their climax, reaction and "
            "tests are no events then). Noise is GARCH with Student t shocks, pinned to the waypoints; share of "
            "night moves, wicks, response of volume to returns and its own noise are near the medians of 255 recorded "
            "US names. "
            "It shares no code and no constant with the engine. It is still a model: a name whose structure is not one "
            "of the five, or whose noise is of another kind, is not measured here, and no number of this page says "
            "that a trade pays.",
            "",
        ]
    )


def _bounds(hits: int, trials: int) -> str:
    low, high = wilson(hits, trials)
    return f"{hits / max(trials, 1):.3f} [{low:.3f}, {high:.3f}]"


def _events_table(tally: Tally) -> list[str]:
    lines = [
        "| event | planted | told | precision | recall | F1 | delay, bars | reach |",
        "|---|--:|--:|---|---|--:|--:|---|",
    ]
    for name in [*MAIN, *OTHERS]:
        delays = tally.delays.get(name, [0])
        lines.append(
            f"| {f'**{name}**' if name in MAIN else name} | {tally.planted[name]:,} | {tally.told[name]:,} "
            f"| {_bounds(tally.found[name], tally.told[name])} | {_bounds(tally.found[name], tally.planted[name])} "
            f"| {tally.f1(name):.3f} | {np.median(delays):.0f} (90 %: {np.quantile(delays, 0.9):.0f}) "
            f"| {'met' if is_met(tally, name) else '**missed**'} |"
        )
    return lines


def is_met(tally: Tally, name: str) -> bool:
    """Whether the reach of an event is met: both lower bounds for a main event, both shares for another."""
    if name in MAIN:
        found = tally.found[name]
        lowest = min(wilson(found, tally.told[name])[0], wilson(found, tally.planted[name])[0])
        return lowest > REACH_MAIN and tally.planted[name] >= 300
    return min(tally.precision(name), tally.recall(name)) > REACH_OTHER


def _reaches(tally: Tally, nulls: Mapping[str, Tally]) -> list[str]:
    f1 = _macro(tally)
    alarms = together(list(nulls.values())).alarms
    main, others = ([name for name in names if is_met(tally, name)] for names in (MAIN, OTHERS))

    def row(what: str, reach: str, got: str, *, met: bool) -> str:
        return f"| {what} | {reach} | {got} | {'met' if met else '**missed**'} |"

    return [
        "| reach | | measured | |",
        "|---|---|---|---|",
        row(
            "8 main events: Wilson lower bound of precision and of recall",
            f"> {REACH_MAIN:.2f}",
            f"{len(main)} of 8 ({', '.join(main)})",
            met=len(main) == len(MAIN),
        ),
        row("macro-F1 of the main events", f"> {REACH_F1:.2f}", f"{f1:.3f}", met=f1 > REACH_F1),
        row(
            "9 other events: precision and recall",
            f"> {REACH_OTHER:.2f}",
            f"{len(others)} of 9 ({', '.join(others)})",
            met=len(others) == len(OTHERS),
        ),
        row("false alarms per 1,000 null bars", f"< {REACH_ALARMS:.0f}", f"{alarms:.2f}", met=alarms < REACH_ALARMS),
    ]


def _levels_table(levels: Mapping[float, Tally]) -> list[str]:
    lines = [
        "| event | " + " | ".join(f"× {level:g}" for level in levels) + " |",
        "|---|" + "---|" * len(levels),
    ]
    for name in [*MAIN, *OTHERS]:
        cells = (
            f"{tally.precision(name):.2f} / {tally.recall(name):.2f} / {tally.f1(name):.2f}"
            for tally in levels.values()
        )
        lines.append(f"| {f'**{name}**' if name in MAIN else name} | {' | '.join(cells)} |")
    means = (f"{_macro(tally):.3f}" for tally in levels.values())
    return [*lines, f"| macro-F1 of the main events | {' | '.join(means)} |"]


def _alarms_table(nulls: Mapping[str, Tally]) -> list[str]:
    whole = together(list(nulls.values()))
    columns = {**nulls, "all": whole}
    lines = ["| event | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    for name in NAMES:
        rates = (f"{1000 * tally.told[name] / tally.bars:.2f}" for tally in columns.values())
        lines.append(f"| {name} | {' | '.join(rates)} |")
    return [*lines, f"| **together** | {' | '.join(f'**{tally.alarms:.2f}**' for tally in columns.values())} |"]


def _trade_off_table(points: Sequence[tuple[float, Tally, Tally]]) -> list[str]:
    lines = [
        "| `climax_strength` | macro-F1, main | SC precision / recall | BC precision / recall | alarms per 1,000 |",
        "|--:|--:|---|---|--:|",
    ]
    for strictness, found, null in points:
        shares = (f"{found.precision(name):.2f} / {found.recall(name):.2f}" for name in ("SC", "BC"))
        lines.append(f"| {strictness:g} | {_macro(found):.3f} | {' | '.join(shares)} | {null.alarms:.2f} |")
    return lines


def _macro(tally: Tally) -> float:
    return float(np.mean([tally.f1(name) for name in MAIN]))


def _speed_table(rows: Sequence[Row]) -> list[str]:
    lines = ["| what | size | time | reach | |", "|---|---|--:|---|---|"]
    for row in rows:
        met = {True: "met", False: "**missed**", None: ""}[row.met]
        reach = row.reach.replace("<=", "≤")
        lines.append(f"| {row.what} | {row.size} | {row.seconds or 0:.3g} s | {reach} | {met} |")
    return lines


def confusion_picture(tally: Tally) -> str:
    """Planted against told events as an SVG; each row is shaded by its shares."""
    names = [*NAMES, NOTHING]
    size = _CELL * len(names)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + size + 12}" height="{_TOP + size + 12}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT + size / 2}" y="16" text-anchor="middle" font-size="13">told</text>',
        f'<text x="14" y="{_TOP + size / 2}" text-anchor="middle" font-size="13" '
        f'transform="rotate(-90 14 {_TOP + size / 2})">planted</text>',
    ]
    for row, planted in enumerate(names):
        y = _TOP + row * _CELL
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 21}" text-anchor="end">{escape(planted)}</text>')
        x = _LEFT + row * _CELL + 21
        parts.append(f'<text x="{x}" y="{_TOP - 6}" transform="rotate(-60 {x} {_TOP - 6})">{escape(planted)}</text>')
        total = sum(tally.confused[planted, told] for told in names)
        for column, told in enumerate(names):
            number = tally.confused[planted, told]
            share = number / max(total, 1)
            shade = round(255 * (1 - share))
            color = f"rgb({shade},{shade},255)" if planted == told else f"rgb(255,{shade},{shade})"
            left = _LEFT + column * _CELL
            parts.append(
                f'<rect x="{left}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{color}" stroke="#ddd"/>'
                + (f'<text x="{left + _CELL / 2}" y="{y + 21}" text-anchor="middle">{number}</text>' if number else "")
            )
    return "\n".join([*parts, "</svg>", ""])


def trade_off_picture(points: Sequence[tuple[float, Tally, Tally]]) -> str:
    """Macro-F1 of the main events against false alarms as an SVG."""
    width, height, left, bottom = 560, 340, 60, 50
    most = max(null.alarms for _, _, null in points) * 1.08
    low, high = (edge(_macro(found) for _, found, _ in points) for edge in (min, max))
    low, high = low - 0.03, high + 0.03

    def at(alarms: float, score: float) -> tuple[float, float]:
        x = left + alarms / most * (width - left - 20)
        return x, height - bottom - (score - low) / (high - low) * (height - bottom - 20)

    spots = [(strictness, *at(null.alarms, _macro(found))) for strictness, found, null in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in spots)
    reach, _ = at(REACH_ALARMS, low)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            'font-size="11">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<path d="M{left} 20 V{height - bottom} H{width - 20}" fill="none" stroke="#333"/>',
            f'<path d="M{reach:.1f} 20 V{height - bottom}" stroke="#c33" stroke-dasharray="4 3"/>',
            f'<text x="{reach + 4:.1f}" y="30" fill="#c33">{REACH_ALARMS:g} per 1,000</text>',
            f'<polyline points="{line}" fill="none" stroke="#36c"/>',
            *(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#36c"/>'
                f'<text x="{x + 5:.1f}" y="{y - 5:.1f}">{strictness:g}</text>'
                for strictness, x, y in spots
            ),
            *(
                f'<text x="{left - 6}" y="{at(0, score)[1] + 4:.1f}" text-anchor="end">{score:.2f}</text>'
                for score in np.linspace(low, high, 5)
            ),
            *(
                f'<text x="{at(alarms, low)[0]:.1f}" y="{height - 34}" text-anchor="middle">{alarms:.1f}</text>'
                for alarms in np.linspace(0, most, 6)
            ),
            f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">false alarms per 1,000 null bars</text>',
            f'<text x="16" y="{height / 2}" text-anchor="middle" transform="rotate(-90 16 {height / 2})">'
            "macro-F1, main events</text>",
            "</svg>",
            "",
        ]
    )


def forward(
    outcomes: Sequence[Outcome], proxy: mood.Study, *, symbols: int, first: str, last: str, version: str
) -> str:
    """The document of the forward study.

    Args:
        outcomes: of every event and horizon.
        proxy: of the price-only sentiment proxy.
        symbols: how many were read.
        first: session of the recording.
        last: session of the recording.
        version: of the parameters.
    """
    lines = [
        "| event | badge | held | n | win rate | base | median | excess | 95 % interval | p, corrected "
        "| over others that day | 95 % interval | |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|--:|--:|---|---|",
    ]
    for one in outcomes:
        badge = {1: "rising", -1: "falling", 0: ""}[one.badge]
        few = one.count < FEWEST
        corrected = "" if few else f"{one.corrected:.3f}"
        remark = "too few" if few else "against its badge" if one.disagrees else ""
        if not few and one.corrected < 0.05:
            remark += f"{', ' if remark else ''}**not by chance**"
        lines.append(
            f"| {one.event.name} | {badge} | {one.horizon} | {one.count:,} | {one.wins:.1%} | {one.base_wins:.1%} "
            f"| {one.median:+.2%} | {one.excess:+.2%} | [{one.low:+.2%}, {one.high:+.2%}] | {corrected} "
            f"| {one.over_others:+.2%} | [{one.others_low:+.2%}, {one.others_high:+.2%}] | {remark} |"
        )
    tested = [one for one in outcomes if one.count >= FEWEST]
    against = [one.event.name for one in tested if one.disagrees and one.horizon == SHOWN]
    surely = [f"{one.event.name} ({one.horizon})" for one in tested if one.others_low > 0 or one.others_high < 0]
    significant = [f"{one.event.name} ({one.horizon})" for one in tested if one.corrected < 0.05]
    return "\n".join(
        [
            "# What prices did after the events",
            "",
            "Written by `python -m benchmarks.wyckoff` where the recording is there; do not edit.",
            "",
            f"Parameters `{version}`, {symbols} recorded US names (large companies and index funds of today: failed "
            f"companies are not among them), sessions {first} to {last}. One causal pass a name; entry at the open "
            "after the session that confirmed the event, exit at the close of the last session held. Base: the mean of "
            "the same return over all sessions of the same name and month. Excess: mean return less base. Intervals "
            f"from {RESAMPLES:,} resamples of blocks of {BLOCK} sessions, since events come together; probabilities "
            f"corrected for {len(tested)} tests (Benjamini and Hochberg). No costs.",
            "",
            "The base is a month seen whole: it holds days before the event, so that after the low of a month (SC, "
            "SOW) it is too low and after a high (BC, SOS) too high. The comparison with all names entered on the same "
            "day has no such bias; where the two differ in sign, nothing is shown.",
            "",
            f"Differs from the base by more than chance after correction: {', '.join(significant) or 'no event'}.",
            "",
            "Differs from the other names of its days by more than the interval, without correction: "
            f"{', '.join(surely) or 'no event'}.",
            "",
            f"Went against their badge over {SHOWN} sessions, measured by the base: {', '.join(against) or 'none'}. "
            "The badges are those of the method, not of this sample.",
            "",
            *lines,
            "",
            *_mood(proxy),
        ]
    )


def _mood(proxy: mood.Study) -> list[str]:
    """The section on the sentiment proxy."""
    whole = proxy.coefficients[0]
    verdict = "not told from 0"
    if whole.high < 0:
        verdict = "negative, as the score has it"
    elif whole.low > 0:
        verdict = "positive, **against the score**: what looks euphoric rose further"
    return [
        "## The sentiment proxy",
        "",
        "What the buying climax score falls back on where a name has no chains: the mean of two percentiles in the "
        "name's own past, of its distance from the 50-day mean and of its relative volume "
        "([wyckoff.md](wyckoff.md#the-sentiment-proxy)). Here it is followed on the same names: rank information "
        f"coefficient of each session with at least {mood.FEWEST} ranked names, against the return from the next open "
        f"to the close {mood.HORIZON} sessions later; its mean over the sessions, with an interval from {RESAMPLES:,} "
        f"resamples of circular blocks of {mood.BLOCK} sessions, since those returns overlap.",
        "",
        f"The coefficient of the proxy is {verdict}.",
        "",
        "| signal | sessions | mean IC | 95 % interval | sessions below 0 |",
        "|---|--:|--:|---|--:|",
        *(
            f"| {one.signal} | {one.sessions} | {one.mean:+.3f} | [{one.low:+.3f}, {one.high:+.3f}] "
            f"| {one.share_negative:.1%} |"
            for one in proxy.coefficients
        ),
        "",
        f"Names at each rung of the score, over {mood.HORIZON} sessions, against all names of their days:",
        "",
        "| percentile from | name-sessions | mean return over all names | 95 % interval |",
        "|--:|--:|--:|---|",
        *(
            f"| {one.percentile:.2f} | {one.count:,} | {one.excess:+.2%} | [{one.low:+.2%}, {one.high:+.2%}] |"
            for one in proxy.rungs
        ),
        "",
        "Rose more than the others by more than the interval, without correction, where the score expects a fall: "
        f"{', '.join(f'{one.percentile:.2f}' for one in proxy.rungs if one.low > 0) or 'none'}. "
        "Fell behind them by more than the interval: "
        f"{', '.join(f'{one.percentile:.2f}' for one in proxy.rungs if one.high < 0) or 'none'}.",
        "",
        "The parts that rest on options (put/call ratio, call volume, call skew) could not be validated: the recording "
        "holds six sessions of chains, and a percentile needs 60 sessions of them, an interval many times more. "
        "Until they can be, those points are a convention of the score.",
        "",
    ]
