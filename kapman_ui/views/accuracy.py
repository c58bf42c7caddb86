"""Whether to trust the forecasts: scores against the base rate, reliability, and results by what was said."""

import pandas as pd
import streamlit as st

from kapman_assets.decisions.skill import Advantage, advantage
from kapman_ui import charts
from kapman_ui.advice import is_known, rows_of, signed_money
from kapman_ui.database import fetch
from kapman_ui.layout import Figure, empty, figures, page_head, share
from kapman_ui.queries import accuracy

_FEW = 30
"""Scored forecasts below which a figure is marked: a hit rate of 30 has a standard error of 9 points."""

_ENOUGH, _ENOUGH_WEEKS = 100, 8
"""Scored forecasts, and weeks, from which the sentence at the top commits itself."""

_Z = 1.96
"""Of a 95 % interval."""

_TITLES = {
    "strategy": "Strategy",
    "event": "Event",
    "direction": "Direction",
    "provider": "Provider",
    "confidence": "Confidence",
}

AGAINST_BADGE = {"SOS": ("rising", -0.0294, 56), "SOW": ("falling", 0.0551, 59)}
"""Events whose price went against their badge by more than chance over 20 sessions, of docs/wyckoff-forward.md.

The badge, the mean return less that of the name's month, and the number of events.
"""


def _verdict(found: Advantage | None) -> None:
    """The answer in a sentence."""
    if found is None or found.skill is None:
        st.info(
            "**Nothing can be said yet**: no forecast has a right or wrong direction so far.", icon=":material/help:"
        )
        return
    scores = (
        f"Brier score {found.brier:.4f} against {found.brier_base:.4f} of always saying the base rate, "
        f"skill {100 * found.skill:+.1f} %, n = {found.scored} in {found.weeks} weeks"
    )
    error = found.standard_error
    if found.scored < _ENOUGH or found.weeks < _ENOUGH_WEEKS or error is None:
        so_far = "better" if found.mean > 0 else "no better"
        st.warning(
            f"**Too early to trust**, so far {so_far} than the base rate: {scores}. Below {_ENOUGH} scored forecasts "
            f"and {_ENOUGH_WEEKS} weeks this is luck as much as skill.",
            icon=":material/hourglass_top:",
        )
    elif found.mean > _Z * error:
        st.success(f"**The forecasts beat the base rate**: {scores}.", icon=":material/check_circle:")
    elif found.mean < -_Z * error:
        st.error(f"**The forecasts are worse than the base rate**: {scores}.", icon=":material/cancel:")
    else:
        st.warning(
            f"**The forecasts do not beat the base rate** by more than chance: {scores}.", icon=":material/balance:"
        )


def _weeks(weeks: pd.DataFrame) -> None:
    st.subheader("Brier score by week")
    told = weeks[weeks["scored"] > 0]
    frame = pd.concat(
        [
            pd.DataFrame({"week": told["week"], "score": told[column], "n": told["scored"], "of": name})
            for column, name in (("brier", "forecasts"), ("brier_base", "base rate"))
        ]
    )
    st.altair_chart(charts.scores_by_week(frame, "week", "score", "of", "n", title="Brier score, 0 is perfect"))
    st.caption(
        "The lower the better. The base rate is the hit rate of the weeks before, one half until there are 20 "
        "outcomes: what could be said without looking at the idea. Size of a point: scored forecasts of the week."
    )


def _reliability(totals: pd.DataFrame) -> None:
    st.subheader("Is 60 % right six times in ten?")
    raw = totals[(totals["dimension"] == "confidence") & (totals["scored"] > 0)]
    calibrated = fetch(accuracy.calibrated_bins)
    kinds = [raw[["mean_confidence", "hit_rate", "scored"]].assign(kind="raw"), calibrated.assign(kind="calibrated")]
    frame = pd.concat([kind for kind in kinds if len(kind)] or kinds[:1])
    if frame.empty:
        st.caption("No forecast has been scored yet.")
        return
    left, right = st.columns([3, 2])
    left.altair_chart(charts.reliability(frame, "mean_confidence", "hit_rate", "scored", "kind"))
    with right:
        st.dataframe(
            pd.DataFrame(
                {
                    "Confidence": raw["value"],
                    "Said": 100 * raw["mean_confidence"],
                    "Right": 100 * raw["hit_rate"],
                    "n": raw["scored"],
                    "": _mark(raw["scored"]),
                }
            ),
            hide_index=True,
            height="content",
            column_config={name: st.column_config.NumberColumn(format="%.0f %%") for name in ("Said", "Right")},
        )
        _calibration()


def _calibration() -> None:
    """Calibrated against raw, by provider."""
    for row in rows_of(fetch(accuracy.calibration)):
        if not is_known(row["brier_calibrated"]):
            st.caption(
                f"{row['provider']}: not calibrated yet, {row['outcomes']} scored outcomes of the 100 that it needs. "
                "Confidences are raw."
            )
            continue
        better = "better" if row["brier_calibrated"] < row["brier_raw"] else "no better"
        st.caption(
            f"{row['provider']}: calibrated {row['brier_calibrated']:.4f} against raw {row['brier_raw']:.4f} (Brier "
            f"score of the last fifth of {row['outcomes']} outcomes, fitted on those before): {better}."
        )


def _mark(scored: pd.Series) -> list[str]:
    return [f"⚠ n < {_FEW}" if count < _FEW else "" for count in scored]


def _by(totals: pd.DataFrame) -> None:
    st.subheader("By what was said")
    dimension = st.segmented_control(
        "By", list(_TITLES), default="strategy", required=True, key="by", bind="query-params",
        format_func=_TITLES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    rows = totals[totals["dimension"] == dimension].sort_values("value")
    names = rows["value"].str.replace("_", " ")
    with_result = rows.assign(name=names).dropna(subset="option_pnl")
    if not with_result.empty:
        st.altair_chart(charts.lying_bars(with_result, "name", "option_pnl", title="sum of option results, USD a unit"))
    st.dataframe(
        pd.DataFrame(
            {
                _TITLES[dimension]: names,
                "Right": 100 * rows["hit_rate"],
                "Said": 100 * rows["mean_confidence"],
                "n": rows["scored"],
                "": _mark(rows["scored"]),
                "Brier": rows["brier"],
                "Skill": 100 * rows["skill"],
                "Options, sum": rows["option_pnl"],
                "Of the risk, mean": 100 * rows["return_on_risk"],
                "Success": 100 * rows["success_score"],
                "Ended": rows["outcomes"],
                "In the band": rows["neutral"],
            }
        ),
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "Right": st.column_config.NumberColumn(format="%.0f %%", help="share of the scored ones that were right"),
            "Said": st.column_config.NumberColumn(format="%.0f %%", help="mean confidence of the scored ones"),
            "n": st.column_config.NumberColumn(help="scored: right or wrong, outside the neutral band"),
            "Brier": st.column_config.NumberColumn(format="%.4f", help="mean of (confidence - right) squared"),
            "Skill": st.column_config.NumberColumn(
                format="%+.1f %%", help="1 - Brier over that of today's base rate for all these outcomes"
            ),
            "Options, sum": st.column_config.NumberColumn(
                format="dollar", help="a unit of each, from the price at issue"
            ),
            "Of the risk, mean": st.column_config.NumberColumn(
                format="%+.0f %%", help="result over the most it could lose"
            ),
            "Success": st.column_config.NumberColumn(
                format="%.0f %%", help="direction, profitability and timing together, see docs/decisions-layer.md"
            ),
        },
    )


def _badges() -> None:
    """What recorded prices did after events, where it is not what their badge says."""
    st.subheader("Events that went against their badge")
    told = " ".join(
        f"**{event}** is called {badge}, and {count} of them were followed by {100 * excess:+.1f} % against "
        "the same name's month."
        for event, (badge, excess, count) in AGAINST_BADGE.items()
    )
    st.markdown(
        f"{told} Measured over 20 sessions on recorded prices of large US names, July 2024 to August 2026, and "
        "not by chance. The badges are those of the method, not of this sample: weigh a signal that rests on one of "
        "these by what came of its event so far."
    )


def _page() -> None:
    page_head("Accuracy", "Should I trust it?")
    weeks = fetch(accuracy.by_week)
    if weeks.empty:
        empty(
            "No recommendation has ended yet.",
            "Outcomes come with the sessions after it; `kapman materialize --select "
            "recommendation_outcomes` brings those that are due.",
        )
        _badges()
        return
    _verdict(advantage(weeks["scored"], weeks["brier"], weeks["brier_base"]))
    totals = fetch(accuracy.to_date)
    whole = totals[totals["dimension"] == "all"].iloc[0]
    figures(
        (
            Figure("Right", share(whole["hit_rate"]), "of the scored forecasts"),
            Figure("Scored", f"{whole['scored']} of {whole['outcomes']}", "the others ended inside the neutral band"),
            Figure("Said on average", share(whole["mean_confidence"]), "mean confidence of the scored ones"),
            Figure("Options", signed_money(whole["option_pnl"]), "sum of the known results, a unit of each"),
        )
    )
    _weeks(weeks)
    _reliability(totals)
    _by(totals)
    _badges()


_page()
