"""Which sector is stretched and which is turning: the grid of sector ETFs, and one name's parts, history and edge."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from kapman_assets.etf.columns import COLUMNS, COMPONENTS, HORIZONS
from kapman_assets.etf.grid import LIQUIDITY, SPARK_DAYS, Grid
from kapman_assets.etf.reasons import Reason
from kapman_assets.etf.risk import Risk, risk_of
from kapman_assets.etf.statistics import (
    LEAST_FOR_INTERVAL,
    ConditionalStatistics,
    Distribution,
    Interval,
    StatisticsError,
)
from kapman_assets.rules.errors import RuleError
from kapman_ui import charts
from kapman_ui.database import fetch, writing
from kapman_ui.layout import (
    Figure,
    empty,
    escaped,
    figures,
    money,
    name_heading,
    number,
    page_head,
    rule_problem,
    select_row,
    share,
    symbol_choice,
)
from kapman_ui.queries import etf, users
from kapman_ui.queries.users import Settings
from kapman_ui.theme import FALLING, RISING
from kapman_ui.user import user_id

_BUY, _SELL = -1.0, 1.0
_SIGNALS = {"BUY": ("🟢", "green"), "SELL": ("🔴", "red"), "HOLD": ("⚪", "gray")}
_PRESETS = {
    "all": "All",
    "strong": "Strong BUY/SELL",
    "stretched": "Most stretched",
    "improving": "Improving fastest",
}
_PARTS = dict(zip((part.contribution for part in COMPONENTS), ("MACD", "RSI", "MA gap", "Boll", "5D"), strict=True))
_SECTIONS = ("Summary", "History", "Edge")
_FORWARD = (5, 10, 20, 60)


def _answer(grid: Grid) -> None:
    of = grid.breadth
    st.markdown(
        f":green-badge[🟢 {of['buy']} BUY] :red-badge[🔴 {of['sell']} SELL] :gray-badge[⚪ {of['hold']} HOLD]"
        + (f" :gray-badge[? {of['unknown']} unknown]" if of["unknown"] else "")
        + f" of {of['total']} sectors: composite z at {_BUY:+g} or below, at {_SELL:+g} or above, or between."
    )
    known = grid.rows.dropna(subset=["composite_z"])
    told = []
    if not known.empty:
        stretched = known.loc[known["composite_z"].abs().idxmax()]
        told.append(f"Most stretched: **{escaped(stretched['symbol'])}** (z {stretched['composite_z']:+.2f})")
    for word, sign in (("rising", 1), ("falling", -1)):
        moving = grid.rows[sign * grid.rows["dz5"] > 0]
        if not moving.empty:
            row = moving.loc[(sign * moving["dz5"]).idxmax()]
            told.append(f"{word} fastest in five sessions: **{escaped(row['symbol'])}** (Δz {row['dz5']:+.2f})")
    st.markdown("; ".join(told) + "." if told else "No composite is known yet.")


def _arranged(rows: pd.DataFrame, preset: str) -> pd.DataFrame:
    match preset:
        case "strong":
            chosen = rows[rows["signal"].isin(["BUY", "SELL"])]
            return chosen.sort_values("composite_z")
        case "stretched":
            return rows.sort_values("composite_z", key=abs, ascending=False)
        case "improving":
            return rows.sort_values("dz5", ascending=False)
    return rows


def _risks(rows: pd.DataFrame, chosen: Settings) -> list[Risk]:
    return [
        risk_of(
            row["signal"],
            close=row["close"],
            atr=row["atr14"],
            ma50=row["ma50"],
            equity=chosen.equity,
            risk_fraction=chosen.risk_fraction,
            stop_atr=chosen.stop_atr,
        )
        for _, row in rows.iterrows()
    ]


def _told_parts(row: pd.Series) -> str:
    return " · ".join(f"{name} {row[column]:+.2f}" for column, name in _PARTS.items() if pd.notna(row[column])) or "–"


def _table(grid: Grid, rows: pd.DataFrame, chosen: Settings) -> pd.DataFrame:
    risks = _risks(rows, chosen)
    return pd.DataFrame(
        {
            "Symbol": rows["symbol"].tolist(),
            "Signal": [
                "? unknown" if signal is None else f"{_SIGNALS[signal][0]} {signal}" for signal in rows["signal"]
            ],
            "z, 12 weeks": [grid.sparks[symbol].dropna().tolist() for symbol in rows["symbol"]],
            "z": rows["composite_z"].tolist(),
            "Δz 1D": rows["dz1"].tolist(),
            "Δz 5D": rows["dz5"].tolist(),
            "Close": rows["close"].tolist(),
            "Day": (100 * rows["change"]).tolist(),
            "Stop": pd.array([risk.stop for risk in risks], dtype="Float64"),
            "Shares": pd.array([risk.shares for risk in risks], dtype="Int64"),
            "R:R": pd.array([risk.reward_to_risk for risk in risks], dtype="Float64"),
            "Liq": rows["liquidity"].tolist(),
            "Parts of z": [_told_parts(row) for _, row in rows.iterrows()],
        }
    )


def _coloured(value: Any) -> str:
    return "" if pd.isna(value) or value == 0 else f"color: {RISING if value > 0 else FALLING}"


def _grid(grid: Grid, rows: pd.DataFrame, chosen: Settings, horizon: str) -> None:
    table = _table(grid, rows, chosen)
    column = st.column_config.NumberColumn
    st.dataframe(
        table.style.map(_coloured, subset=["Δz 1D", "Δz 5D", "Day"]),
        hide_index=True,
        height="content",
        key="etf-rows",
        on_select=select_row("etf-rows", rows["symbol"].tolist()),
        selection_mode="single-row",
        placeholder="–",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True, width=60),
            "Signal": st.column_config.TextColumn(help="by the composite z", width=85),
            "z, 12 weeks": st.column_config.LineChartColumn(
                help=f"composite z of {SPARK_DAYS} days", y_min=-2.5, y_max=2.5, width=110
            ),
            "z": column(format="%+.2f", help="composite z-score, standard deviations; negative is low", width=55),
            "Δz 1D": column(format="%+.2f", help="change over one session", width=60),
            "Δz 5D": column(format="%+.2f", help="change over five sessions", width=60),
            "Close": column(format="$%.2f", width=75),
            "Day": column(format="%+.2f %%", help="from the close before", width=70),
            "Stop": column(format="$%.2f", help=f"close less (BUY) or plus (SELL) {chosen.stop_atr:g} ATR", width=75),
            "Shares": column(format="localized", help="that lose the chosen risk at the stop", width=65),
            "R:R": column(format="%.2f", help="way to MA50 over the way to the stop; empty if not ahead", width=50),
            "Liq": st.column_config.TextColumn(
                help=f"A from ${LIQUIDITY['A'] / 1e6:.0f} M a session, B from ${LIQUIDITY['B'] / 1e6:.0f} M, C below",
                width=40,
            ),
            "Parts of z": st.column_config.TextColumn(help="weighted parts; they add up to z", width="large"),
        },
    )  # fmt: skip
    left, right = st.columns([3, 1])
    left.caption(
        "Stop, shares and R:R of BUY and SELL alone. "
        + ("Say your equity under *Risk* to see shares. " if chosen.equity is None else "")
        + "Select a row to look at it below."
    )
    right.download_button(
        "CSV", _csv(rows, table), file_name=f"etf-{horizon}-{grid.session}.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore", width="stretch",
    )  # fmt: skip


def _csv(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    told = table[["Stop", "Shares", "R:R"]].rename(
        columns={"Stop": "stop", "Shares": "shares", "R:R": "reward_to_risk"}
    )
    return pd.concat([rows.drop(columns="null_reasons").reset_index(drop=True), told], axis=1).to_csv(index=False)


def _risk_form(chosen: Settings) -> None:
    with st.popover("Risk", icon=":material/tune:"), st.form("risk", border=False):
        equity = st.number_input(
            "Account equity, USD", 1.0, value=chosen.equity, step=1000.0, format="%.0f", placeholder="not said"
        )
        percent = st.number_input("Risk a trade, % of equity", 0.1, 10.0, 100 * chosen.risk_fraction, 0.1)
        atr = st.number_input("Stop, average true ranges", 0.1, 10.0, chosen.stop_atr, 0.1)
        if st.form_submit_button("Save"):
            with writing() as connection:
                users.save_settings(connection, user_id(), Settings(equity, percent / 100, atr, chosen.alert_sound))
            st.rerun()


def _parts_chart(rows: pd.DataFrame) -> None:
    told = rows[["symbol", *_PARTS]].rename(columns=_PARTS).melt("symbol", var_name="part", value_name="z").dropna()
    if told.empty:
        return
    ranked = rows.sort_values("composite_z")["symbol"].tolist()
    told = told.sort_values("symbol", key=lambda names: names.map(ranked.index), kind="stable")
    st.markdown("**What makes each composite**")
    st.altair_chart(charts.parts(told, "symbol", "part", "z", title="standard deviations; the point is the composite"))


def _summary(row: pd.Series, risk: Risk, chosen: Settings) -> None:
    signal = row["signal"]
    badge = ":gray-badge[? unknown]" if signal is None else f":{_SIGNALS[signal][1]}-badge[{signal}]"
    st.markdown(f"{badge} Composite z {number(row['composite_z'], 2)} = {_told_parts(row)}")
    if risk.stop is not None:
        loss = "" if risk.shares is None else (
            f", {risk.shares:,} shares (loss {money(risk.shares * abs(row['close'] - risk.stop), 0)} at the stop)"
        )  # fmt: skip
        reward = (
            "MA50 is not ahead of the price, so there is no reward to weigh"
            if risk.reward_to_risk is None
            else f"reward to risk {risk.reward_to_risk:.2f}"
        )
        st.markdown(
            escaped(
                f"Entry {money(row['close'])}, stop {money(risk.stop)} ({chosen.stop_atr:g} ATR){loss}, "
                f"target MA50 {money(risk.target)}: {reward}."
            )
        )
    shown: list[tuple[str, str, str]] = [
        ("Close", money(row["close"]), "close"),
        ("Day", share(row["change"], 2), "change"),
        ("RSI 14", number(row["rsi14"], 0), "rsi14"),
        ("%B (20, 2)", number(row["bb_pctb_20"], 2), "bb_pctb_20"),
        ("ATR 14", money(row["atr14"]), "atr14"),
        ("MA50", money(row["ma50"]), "ma50"),
        ("MA200", money(row["ma200"]), "ma200"),
        ("MA gap", share(row["ma_gap_pct"], 1), "ma_gap_pct"),
        ("Against SPY 30", share(row["rs_spy_30d"], 1), "rs_spy_30d"),
        ("Against SPY 90", share(row["rs_spy_90d"], 1), "rs_spy_90d"),
        ("Beta to SPY", number(row["beta_spy_252d"], 2), "beta_spy_252d"),
        ("Correlation", number(row["corr_spy_252d"], 2), "corr_spy_252d"),
    ]
    why = row["null_reasons"]
    figures(
        Figure(title, text, _meaning(column), _reason(why[column]) if column in why else None)
        for title, text, column in shown
    )


def _meaning(column: str) -> str:
    if column in COLUMNS:
        return f"{COLUMNS[column].description}; {COLUMNS[column].unit}"
    return "of the last bar, USD a share" if column == "close" else "from the close before"


def _reason(code: str) -> str:
    return Reason[code].value if code in Reason.__members__ else code


def _history(symbol: str, horizon: str, session: date) -> None:
    past = fetch(etf.history, symbol, horizon, session)
    if past["composite_z"].isna().all():
        empty(f"{escaped(symbol)} has no composite yet:", "its history is too short for this horizon.")
        return
    titles = ("composite z, standard deviations", "close, USD a share")
    st.altair_chart(charts.two_scales(past, "date", "composite_z", "close", titles=titles, levels=(_BUY, _SELL)))
    st.caption(f"{len(past)} sessions; dashed: BUY at {_BUY:+g}, SELL at {_SELL:+g}.")


def _edge(row: pd.Series, horizon: str, session: date) -> None:
    symbol = row["symbol"]
    default = f"z >= {_SELL}" if row["signal"] == "SELL" else f"z <= {_BUY}"
    left, right = st.columns([3, 1])
    rule = left.text_input("When this held", default, key=f"rule-{default}", help="e.g. z<=-1 and rsi14<35")
    forward = right.selectbox("Sessions ahead", _FORWARD, index=_FORWARD.index(20))
    try:
        found = fetch(etf.edge, symbol, rule, forward, session, horizon=horizon)
    except RuleError as error:
        rule_problem(error)
        return
    except StatisticsError as error:
        st.error(escaped(error))
        return
    _verdict(found, symbol)
    kinds = {
        "After the rule": found.events,
        "Of these not overlapping": found.separate,
        "After any session": found.base,
    }
    st.dataframe(
        pd.DataFrame([{"Returns": name, **_percents(kind)} for name, kind in kinds.items()]),
        hide_index=True,
        placeholder="–",
        column_config={
            name: st.column_config.NumberColumn(format="%+.2f %%" if name != "Hit rate" else "%.0f %%")
            for name in ("Mean", "Median", "Hit rate", "p25", "p75", "Least", "Most")
        },
    )
    st.caption(
        f"Returns over {found.forward} sessions up to {found.as_of}: n = {found.events.n}, effective n = "
        f"{number(found.effective_n, 1)}, since neighbours overlap; {found.pending} more are not over"
        + (f", {found.unknown} lack a close" if found.unknown else "")
        + f". 95 % intervals (block bootstrap): mean {_between(found.mean_interval)}, "
        f"hit rate {_between(found.hit_rate_interval)}, edge {_between(found.edge_interval)}."
    )


def _verdict(found: ConditionalStatistics, symbol: str) -> None:
    name = escaped(symbol)
    if found.edge is None:
        st.info(f"The rule never held for {name} with a return that is over.", icon=":material/inbox:")
        return
    compared = "less" if found.edge < 0 else "more"
    told = f"After the rule {name} made {share(abs(found.edge), 2)} {compared} than after any session"
    if found.edge_interval is None:
        st.warning(
            f"{told}. Do not rely on it: of its events {found.separate.n} do not overlap, and an interval needs "
            f"{LEAST_FOR_INTERVAL}.",
            icon=":material/warning:",
        )
    elif found.edge_interval.low <= 0 <= found.edge_interval.high:
        st.info(f"{told}; the interval {_between(found.edge_interval)} holds 0: no edge to rely on.", icon="⚖️")
    else:
        st.success(f"{told}; the interval {_between(found.edge_interval)} leaves 0 out.", icon=":material/check:")


def _percents(of: Distribution) -> dict[str, Any]:
    values = {
        "Mean": of.mean, "Median": of.median, "Hit rate": of.hit_rate, "p25": of.p25, "p75": of.p75,
        "Least": of.min, "Most": of.max,
    }  # fmt: skip
    return {"n": of.n, **{name: None if value is None else 100 * value for name, value in values.items()}}


def _between(interval: Interval | None) -> str:
    return "unknown" if interval is None else f"{share(interval.low, 2)} to {share(interval.high, 2)}"


def _one_name(grid: Grid, chosen: Settings, horizon: str, session: date) -> None:
    symbol = symbol_choice(grid.rows["symbol"].tolist())
    row = grid.rows[grid.rows["symbol"] == symbol].iloc[0]
    name_heading(symbol, row["name"])
    if row["close_date"] is not None and row["close_date"] < session:
        st.warning(f"Its last bar is of {row['close_date']}: it has none in this session.", icon=":material/schedule:")
    section = st.segmented_control(
        "Section", _SECTIONS, default=_SECTIONS[0], required=True, key="section", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    match section:
        case "History":
            _history(symbol, horizon, session)
        case "Edge":
            _edge(row, horizon, session)
        case _:
            _summary(row, _risks(row.to_frame().T, chosen)[0], chosen)


def _page() -> None:
    fresh = page_head("ETF panel", "Which sector is stretched, which is turning?")
    chips, window, risk = st.columns([4, 2, 1], vertical_alignment="bottom")
    asked = st.query_params.get("preset")
    preset = chips.pills(
        "Preset",
        list(_PRESETS),
        format_func=_PRESETS.__getitem__,
        default=asked if asked in _PRESETS else "all",
        required=True,
        key="preset",
        wrap=True,
    )
    # A bound widget would write its label into the address.
    st.query_params["preset"] = str(preset)
    horizon = window.segmented_control(
        "Horizon", list(HORIZONS), default="60D", required=True, key="horizon", bind="query-params",
        help="sessions of the window that z-scores look at",
    )  # fmt: skip
    chosen = fetch(users.settings, user_id())
    with risk:
        _risk_form(chosen)
    grid = fetch(etf.grid, str(horizon), _BUY, _SELL)
    if grid.session is None:
        empty("There are no ETF features yet.", "Run `kapman materialize --select etf_features`.")
        return
    if fresh.snapshots is not None and grid.session < fresh.snapshots:
        st.warning(f"The newest ETF features are of {grid.session}.", icon=":material/schedule:")
    _answer(grid)
    rows = _arranged(grid.rows, str(preset))
    if rows.empty:
        empty("No name is a BUY or a SELL.", "Choose another preset.")
    else:
        _grid(grid, rows, chosen, str(horizon))
    _one_name(grid, chosen, str(horizon), grid.session)
    _parts_chart(grid.rows)


_page()
