"""Builders of statistical charts (Altair). They take frames and give charts; pages decide what to show.

Streamlit's own theme colours axes and text in light and dark; every chart has its menu to be downloaded.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import altair as alt
import pandas as pd

from kapman_ui.theme import ACCENT, FALLING, QUIET, RISING, WARNING

_FEW_DAYS = 10


def series_bars(
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str,
    *,
    colours: Mapping[str, str],
    x_title: str,
    title: str,
    places: Mapping[str, tuple[float, str]] | None = None,
    height: int = 320,
) -> alt.LayerChart | alt.FacetChart:
    """Bars at numbers, one colour a series, with vertical lines at places.

    Args:
        frame: one row a bar; sums at the same number are stacked away from zero.
        x: column of where the bars stand, numbers.
        y: column of their heights, USD.
        series: column of their series.
        colours: by series, in the order of the legend.
        x_title: with its unit.
        title: of the value axis, with its unit.
        places: of the lines and their colours, by name.
        height: pixels.
    """
    places = places or {}
    width = max(2, min(12, 220 // max(1, frame[x].nunique())))  # of a chart in half the page
    bars = (
        alt.Chart(frame, height=height)
        .mark_bar(size=width)
        .encode(
            alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(zero=False, padding=12)),
            alt.Y(f"{y}:Q", title=title, axis=alt.Axis(labelExpr=_USD_LABEL)),
            _legend(series, colours, places),
            tooltip=[alt.Tooltip(x, title=x_title), alt.Tooltip(series), alt.Tooltip(f"{y}:Q", format="$,.3s")],
        )
    )
    return alt.layer(bars, *_upright(places, series))


def curves(
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str,
    *,
    colours: Mapping[str, str] | None = None,
    x_title: str | None = None,
    title: str,
    places: Mapping[str, tuple[float, str]] | None = None,
    level: float | None = None,
    is_usd: bool = False,
    points: bool = False,
    height: int = 280,
) -> alt.LayerChart | alt.FacetChart:
    """Lines over numbers or days, one a series; of few days each is marked and named.

    Args:
        frame: the points, one row a point and series.
        x: column of numbers, or of days, which have no title.
        y: column of numbers.
        series: column of their series.
        colours: by series, in the order of the legend; without it Streamlit's own.
        x_title: with its unit; None for days.
        title: of the value axis, with its unit.
        places: of vertical lines and their colours, by name.
        level: a height to mark.
        is_usd: whether the values are written as large sums of USD.
        points: whether the points are marked.
        height: pixels.
    """
    places = places or {}
    axis = alt.Axis(labelExpr=_USD_LABEL) if is_usd else alt.Axis()
    kind = "T" if x_title is None else "Q"
    # A line of one day is not seen, and between a few days a scale of time names hours.
    is_short = x_title is None and frame[x].nunique() <= _FEW_DAYS
    x_axis = alt.Axis(tickCount="day", format="%d %b") if is_short else alt.Axis()
    lines = (
        alt.Chart(frame, height=height)
        .mark_line(point=points or is_short, strokeWidth=1.8)
        .encode(
            alt.X(f"{x}:{kind}", title=x_title, axis=x_axis, scale=alt.Scale(zero=False, nice=False)),
            alt.Y(f"{y}:Q", title=title, axis=axis, scale=alt.Scale(zero=False)),
            _legend(series, colours or dict.fromkeys(frame[series].unique()), places),
            tooltip=[
                alt.Tooltip(series),
                alt.Tooltip(f"{x}:{kind}", title=x_title or x),
                alt.Tooltip(f"{y}:Q", title=title, format="$,.3s" if is_usd else ",.4g"),
            ],
        )
    )
    # No layer without a level: its empty marks would be a picture that says nothing to a screen reader.
    rule = alt.Chart(pd.DataFrame({"level": [level]})).mark_rule(color=QUIET).encode(y="level:Q")
    across = [] if level is None else [rule]
    return alt.layer(*across, lines, *_upright(places, series))


def parts(frame: pd.DataFrame, whole: str, part: str, value: str, *, title: str) -> alt.LayerChart | alt.FacetChart:
    """Lying bars of parts that add up, with a point at their sum; a tooltip tells all parts and the sum.

    Args:
        frame: one row a part, in the order in which the wholes are drawn from the top.
        whole: column that names a bar.
        part: column that names its parts.
        value: column of their lengths, negative ones to the left.
        title: of the value axis, with its unit.
    """
    names = frame[part].unique().tolist()
    wide = frame.pivot_table(index=whole, columns=part, values=value, sort=False)[names].reset_index()
    wide["sum"] = wide[names].sum(axis=1)
    order = frame[whole].unique().tolist()
    tips = [alt.Tooltip(whole), *(alt.Tooltip(f"{name}:Q", format="+.2f") for name in [*names, "sum"])]
    y = alt.Y(f"{whole}:N", sort=order, title=None)
    bars = (
        alt.Chart(frame.merge(wide, on=whole), height=alt.Step(22))
        .mark_bar()
        .encode(
            alt.X(f"{value}:Q", title=title),
            y,
            alt.Color(f"{part}:N", sort=names, legend=alt.Legend(orient="top", title=None)),
            tooltip=tips,
        )
    )
    sums = alt.Chart(wide).mark_point(fill="white", stroke="black", opacity=1, size=60)
    sums = sums.encode(alt.X("sum:Q"), y, tooltip=tips)
    return alt.layer(bars, sums)


def two_scales(
    frame: pd.DataFrame, x: str, left: str, right: str, *, titles: tuple[str, str], levels: Sequence[float] = ()
) -> alt.LayerChart | alt.FacetChart:
    """Two lines over days, each with an axis of its own.

    Args:
        frame: one row a day.
        x: column of days.
        left: column of the line in front, with the axis on the left.
        right: column of the line behind it.
        titles: of the two axes, with their units.
        levels: heights to mark on the left.
    """
    axes = zip((right, left), reversed(titles), (QUIET, ACCENT), _SIDES, strict=True)
    drawn = [
        alt.Chart(frame, height=300)
        .mark_line(color=colour, strokeWidth=1.6)
        .encode(
            alt.X(f"{x}:T", title=None),
            alt.Y(
                f"{column}:Q",
                axis=alt.Axis(title=title, titleColor=colour, orient=side, grid=side == "left"),
                scale=alt.Scale(zero=False),
            ),
            tooltip=[alt.Tooltip(f"{x}:T"), *(alt.Tooltip(f"{name}:Q", format=",.4g") for name in (left, right))],
        )
        for column, title, colour, side in axes
    ]
    marks = alt.Chart(pd.DataFrame({left: list(levels)}, dtype=float)).mark_rule(color=WARNING, strokeDash=[4, 4])
    of_left = alt.layer(drawn[1], marks.encode(y=f"{left}:Q"))
    both: alt.LayerChart = alt.layer(drawn[0], of_left).resolve_scale(y="independent")
    return both


_SIDES: tuple[Literal["right", "left"], ...] = ("right", "left")
_LEGEND_ABOVE = alt.Legend(orient="top", title=None, columns=3)
_USD_LABEL = "replace(format(datum.value, '$~s'), 'G', 'B')"


def _legend(series: str, colours: Mapping[str, str | None], places: Mapping[str, tuple[float, str]]) -> alt.Color:
    """One legend above the chart for the series and the lines."""
    chosen = {**colours, **{name: colour for name, (_, colour) in places.items()}}
    known = [colour for colour in chosen.values() if colour is not None]
    scale = alt.Scale(domain=list(chosen), range=known) if len(known) == len(chosen) else alt.Undefined
    return alt.Color(f"{series}:N", scale=scale, sort=list(chosen), legend=_LEGEND_ABOVE)


def _upright(places: Mapping[str, tuple[float, str]], series: str) -> list[alt.Chart]:
    """Vertical lines, named in the legend of the series; no layer without any, whose scale would be drawn too."""
    if not places:
        return []
    frame = pd.DataFrame({"at": [at for at, _ in places.values()], series: list(places)})
    return [
        alt.Chart(frame)
        .mark_rule(strokeDash=[5, 3], strokeWidth=1.5)
        .encode(
            x="at:Q",
            color=f"{series}:N",
            tooltip=[alt.Tooltip(series, title="line"), alt.Tooltip("at:Q", format=",.2f")],
        )
    ]


def scores_by_week(
    frame: pd.DataFrame, x: str, y: str, series: str, count: str, *, title: str
) -> alt.LayerChart | alt.FacetChart:
    """Lines over weeks whose points are as large as what they rest on; the first series in front, others dashed.

    Args:
        frame: one row a week and series.
        x: column of days.
        y: column of scores.
        series: column of their series, the one of interest first.
        count: column of how many a score rests on.
        title: of the value axis.
    """
    names = frame[series].unique().tolist()
    colour = alt.Color(
        f"{series}:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[ACCENT, QUIET]),
        legend=alt.Legend(orient="top", title=None, symbolType="stroke"),
    )
    base = alt.Chart(frame, height=260).encode(
        alt.X(f"{x}:T", title=None),
        alt.Y(f"{y}:Q", title=title, scale=alt.Scale(zero=False)),
        colour,
        tooltip=[
            alt.Tooltip(f"{x}:T"),
            series,
            alt.Tooltip(f"{y}:Q", format=".4f"),
            alt.Tooltip(f"{count}:Q", title="n"),
        ],
    )
    lines = base.mark_line().encode(strokeDash=alt.StrokeDash(f"{series}:N", sort=names, legend=None))
    points = base.mark_circle(opacity=0.9).encode(
        size=alt.Size(f"{count}:Q", legend=None, scale=alt.Scale(range=[15, 160]))
    )
    return alt.layer(lines, points)


def reliability(frame: pd.DataFrame, said: str, came: str, count: str, series: str) -> alt.LayerChart | alt.FacetChart:
    """Reliability diagram: what was said against what came, with the number behind each point, and the diagonal.

    Args:
        frame: one row a bin and series.
        said: column of mean probabilities, 0 to 1.
        came: column of the share that came true, 0 to 1.
        count: column of how many.
        series: column of the series.
    """
    names = frame[series].unique().tolist()
    unit = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pd.DataFrame({said: [0.0, 1.0], came: [0.0, 1.0]}), height=340)
        .mark_line(color=QUIET, strokeDash=[4, 4])
        .encode(alt.X(f"{said}:Q", scale=unit), alt.Y(f"{came}:Q", scale=unit))
    )
    base = alt.Chart(frame).encode(
        alt.X(f"{said}:Q", title="said: mean confidence", scale=unit, axis=alt.Axis(format="%")),
        alt.Y(f"{came}:Q", title="came: share that was right", scale=unit, axis=alt.Axis(format="%")),
        alt.Color(
            f"{series}:N",
            sort=names,
            scale=alt.Scale(domain=names, range=[ACCENT, WARNING][: len(names)]),
            legend=alt.Legend(orient="top", title=None),
        ),
        tooltip=[
            series,
            alt.Tooltip(f"{said}:Q", format=".1%"),
            alt.Tooltip(f"{came}:Q", format=".1%"),
            alt.Tooltip(f"{count}:Q", title="n"),
        ],
    )
    points = base.mark_circle(opacity=0.85).encode(
        size=alt.Size(f"{count}:Q", legend=None, scale=alt.Scale(range=[40, 500]))
    )
    counts = base.mark_text(dy=-18, fontSize=11).encode(text=alt.Text(f"{count}:Q", format="d"))
    return alt.layer(diagonal, base.mark_line(strokeWidth=1), points, counts)


def lying_bars(frame: pd.DataFrame, category: str, value: str, *, title: str) -> alt.Chart:
    """Bars to both sides of zero, one a line, coloured by their sign.

    Args:
        frame: one row a bar.
        category: column that names the bars, in the order of the frame.
        value: column of their lengths.
        title: of the value axis, with its unit.
    """
    chart: alt.Chart = (
        alt.Chart(frame, height=alt.Step(28))
        .mark_bar()
        .encode(
            alt.X(f"{value}:Q", title=title),
            alt.Y(f"{category}:N", sort=frame[category].tolist(), title=None, axis=alt.Axis(labelLimit=160)),
            color=alt.condition(f"datum['{value}'] >= 0", alt.value(RISING), alt.value(FALLING)),
            tooltip=[alt.Tooltip(category), alt.Tooltip(f"{value}:Q", format=",.0f")],
        )
    )
    return chart
