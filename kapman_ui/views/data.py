"""Whether today's numbers can be trusted: what is stored, what is missing, what was refused, what the checks said."""

from datetime import UTC, date, datetime

import pandas as pd
import streamlit as st

from kapman_resources.sessions import latest_open_session, sessions_between
from kapman_resources.settings import load_settings
from kapman_ui.database import fetch, fetch_checks
from kapman_ui.layout import empty, page_head
from kapman_ui.queries import data

_VERDICTS = {"passed": "✅ passed", "warn": "🟡 warning", "error": "🔴 error"}


def _behind(newest: date | None, due: date) -> int | None:
    return None if newest is None else max(len(sessions_between(newest, due)) - 1, 0)


def _tables(checks: pd.DataFrame) -> None:
    due = latest_open_session(datetime.now(UTC))
    found = fetch(data.tables)
    red = checks[checks["verdict"] != "passed"].groupby("asset")["check"].count()
    dense = {table.name for table in data.EVERY_SESSION}
    address = load_settings().dagster_ui_url
    table = pd.DataFrame(
        {
            "Asset": found["table"],
            "Newest session": found["newest"],
            "Sessions behind": [
                _behind(newest, due) if table in dense else None
                for table, newest in zip(found["table"], found["newest"], strict=True)
            ],
            "Rows in it": found["rows"],
            "Since": found["oldest"],
            "Checks not passed": found["table"].map(red).fillna(0).astype(int),
            "Dagster": [f"{address}/assets/{name}" for name in found["table"]],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_config={
            "Dagster": st.column_config.LinkColumn(display_text="open"),
            "Sessions behind": st.column_config.NumberColumn(
                help=f"against {due}, the last one that has closed; empty where not every session has rows"
            ),
        },
        height="content",
    )


def _checks(checks: pd.DataFrame) -> None:
    if checks.empty:
        empty(
            "No verdict of a check is known.",
            "They run with each materialisation; `kapman doctor` says whether Dagster is there.",
        )
        return
    order = {"error": 0, "warn": 1, "passed": 2}
    shown = checks.sort_values("verdict", key=lambda verdict: verdict.map(order))
    st.dataframe(
        pd.DataFrame(
            {
                "Verdict": shown["verdict"].map(_VERDICTS),
                "Asset": shown["asset"],
                "Check": shown["check"],
                "What it said": shown["said"],
                "When (UTC)": shown["judged_at"],
            }
        ),
        hide_index=True,
    )


def _gaps() -> None:
    gaps = fetch(data.gaps)
    if gaps:
        st.error(
            f"{len(gaps)} sessions have no bars: {', '.join(map(str, gaps[:10]))}{' …' if len(gaps) > 10 else ''}. "  # noqa: PLR2004
            f"Mend: `kapman materialize --from {gaps[0]} --to {gaps[-1]} --select ohlcv`."
        )
    else:
        st.success("No session is missing between the first and the last stored one.")


def _snapshots() -> None:
    st.dataframe(fetch(data.snapshot_quality), hide_index=True, placeholder="–")


def _list(rows: pd.DataFrame, nothing: str) -> None:
    """Rows that had better not be there, or a sentence that there are none."""
    if rows.empty:
        st.success(nothing)
    else:
        st.dataframe(rows, hide_index=True, placeholder="–")


fresh = page_head("Data", "Can I trust today's numbers?")
verdicts = fetch_checks()
failing = int((verdicts["verdict"] != "passed").sum())
columns = st.columns(4)
columns[0].metric("Newest snapshots", str(fresh.snapshots))
columns[1].metric("Newest bars", str(fresh.bars))
columns[2].metric("Newest chains", str(fresh.chains or "none"))
columns[3].metric("Checks passed", f"{len(verdicts) - failing} of {len(verdicts)}")
_gaps()
tables, checks, snapshots, chains, refused, runs = st.tabs(
    ["Tables", "Checks", "Snapshots", "Chains", "Refused bars", "Failed runs"]
)
with tables:
    _tables(verdicts)
with checks:
    _checks(verdicts)
with snapshots:
    _snapshots()
with chains:
    _list(fetch(data.doubtful_chains), "Every chain of the newest session is COMPLETE.")
with refused:
    _list(fetch(data.refused_bars), "No row of the newest sessions was refused.")
with runs:
    _list(fetch(data.failed_runs), "No run has failed.")
