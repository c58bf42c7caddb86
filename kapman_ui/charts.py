"""Builders of statistical charts (Altair). They take frames and give charts; pages decide what to show.

Streamlit's own theme colours axes and text in light and dark; every chart has its menu to be downloaded.
"""

import altair as alt
import pandas as pd

from kapman_ui.theme import ACCENT, FALLING, QUIET, RISING


def spark(frame: pd.DataFrame, x: str, y: str, *, height: int = 60) -> alt.Chart:
    """A small line without axes.

    Args:
        frame: the points.
        x: column of dates.
        y: column of numbers.
        height: pixels.
    """
    chart: alt.Chart = (
        alt.Chart(frame, height=height)
        .mark_line(color=ACCENT, strokeWidth=1.5)
        .encode(alt.X(f"{x}:T", axis=None), alt.Y(f"{y}:Q", axis=None, scale=alt.Scale(zero=False)))
    )
    return chart


def signed_bars(frame: pd.DataFrame, category: str, value: str, *, title: str, height: int = 320) -> alt.Chart:
    """Bars around zero, coloured by their sign.

    Args:
        frame: one row a bar.
        category: column that names the bars; numbers are ordered.
        value: column of their heights.
        title: of the value axis, with its unit.
        height: pixels.
    """
    chart: alt.Chart = (
        alt.Chart(frame, height=height)
        .mark_bar()
        .encode(
            alt.X(f"{category}:O", title=None),
            alt.Y(f"{value}:Q", title=title),
            color=alt.condition(f"datum['{value}'] >= 0", alt.value(RISING), alt.value(FALLING)),
            tooltip=[alt.Tooltip(category), alt.Tooltip(f"{value}:Q", format=",.3s")],
        )
    )
    return chart


def line(
    frame: pd.DataFrame, x: str, y: str, *, title: str, level: float | None = None, height: int = 260
) -> alt.LayerChart | alt.FacetChart:
    """A line over time with an optional level across.

    Args:
        frame: the points.
        x: column of dates.
        y: column of numbers.
        title: of the value axis, with its unit.
        level: a height to mark.
        height: pixels.
    """
    base = (
        alt.Chart(frame, height=height)
        .mark_line(color=ACCENT)
        .encode(
            alt.X(f"{x}:T", title=None),
            alt.Y(f"{y}:Q", title=title, scale=alt.Scale(zero=False)),
            tooltip=[alt.Tooltip(f"{x}:T"), alt.Tooltip(f"{y}:Q", format=".4g")],
        )
    )
    rule = alt.Chart(pd.DataFrame({"level": [] if level is None else [level]})).mark_rule(
        color=QUIET, strokeDash=[4, 4]
    )
    return alt.layer(base, rule.encode(y="level:Q"))
