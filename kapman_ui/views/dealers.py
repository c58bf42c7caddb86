"""Where dealers are pinned or pushed: all names at a glance, and one name's exposure, volatility and chain."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kapman_assets.options.chain import Chain
from kapman_assets.options.gamma_exposure import FLIP_RANGE, gamma_profile, gex_by_strike
from kapman_assets.options.reasons import Reason
from kapman_assets.options.smile import is_usable
from kapman_assets.options.walls import MAX_DTE
from kapman_ui import charts
from kapman_ui.database import fetch
from kapman_ui.layout import (
    Figure,
    big_money,
    day,
    empty,
    escaped,
    figures,
    money,
    name_heading,
    number,
    page_head,
    select_row,
    share,
    symbol_choice,
)
from kapman_ui.queries import dealers
from kapman_ui.queries.dealers import Reading
from kapman_ui.theme import ACCENT, FALLING, QUIET, RISING, WARNING

_POSITIONS = {
    "long_gamma": ("green", "Long gamma", "they sell rises and buy dips: moves are damped, price is pinned"),
    "short_gamma": ("red", "Short gamma", "they buy rises and sell dips: moves are pushed further"),
    "neutral": ("gray", "Neutral", "their hedging is small against the trading volume"),
    "unknown": ("gray", "Unknown", "net gamma or the trading volume is unknown"),
}
_TRUST = {"FULL": "green", "LIMITED": "orange", "INVALID": "red"}
_SECTIONS = ("Dealers", "Volatility", "Chain")
_NAMED = 3
"""Names at each end that the answer tells."""
_EXPIRIES = 4
"""Expiries whose smiles are drawn at first."""
_LAST_DAYS = 7
_PROFILE_POINTS = 161


def _answer(names: pd.DataFrame) -> None:
    counts = names["dealer_position"].value_counts()
    known = names.dropna(subset=["dgpi"]).sort_values("dgpi")
    long, short = (counts.get(name, 0) for name in ("long_gamma", "short_gamma"))
    st.markdown(
        f"Dealers are **long gamma** (pin) in **{long}**, **short gamma** (push) in **{short}** of {len(names)} names; "
        f"neutral or unknown in {len(names) - long - short}."
    )
    pushed, pinned = known[known["dgpi"] < 0].head(_NAMED), known[known["dgpi"] > 0].tail(_NAMED).iloc[::-1]
    for colour, word, ends in (("red", "Most pushed", pushed), ("green", "Most pinned", pinned)):
        told = ", ".join(
            f"**{escaped(symbol)}** ({dgpi:+.0f})" for symbol, dgpi in zip(ends["symbol"], ends["dgpi"], strict=True)
        )
        st.markdown(f":{colour}-badge[{word}] {told or '–'}")


def _overview(names: pd.DataFrame) -> None:
    shown = names.sort_values("dgpi", na_position="last")
    table = pd.DataFrame(
        {
            "Symbol": shown["symbol"],
            "Position": shown["dealer_position"].map({key: word for key, (_, word, _) in _POSITIONS.items()}),
            "DGPI": shown["dgpi"],
            "Trust": shown["dealer_status"].fillna(shown["chain_status"]),
            "Net GEX, $M": shown["net_gex"] / 1e6,
            "Spot": shown["spot"],
            "Flip": 100 * (shown["gamma_flip_level"] / shown["spot"] - 1),
            "Put wall": shown["put_wall"],
            "Call wall": shown["call_wall"],
            "IV 30d": 100 * shown["iv_30d"],
            "IV rank": shown["iv_rank"],
            "Skew 25Δ": shown["skew_25d"],
            "P/C OI": shown["pcr_oi"],
        }
    )
    column = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height=300,
        key="names",
        on_select=select_row("names", shown["symbol"].tolist()),
        selection_mode="single-row",
        placeholder="–",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True),
            "DGPI": column(format="%+.0f", help="dealer gamma pressure index, -100 pushed to 100 pinned"),
            "Net GEX, $M": column(format="%+.1f", help="USD million of delta hedge per 1 % move; calls +, puts -"),
            "Spot": column(format="$%.2f"),
            "Flip": column(format="%+.1f %%", help="gamma flip, from spot"),
            "Put wall": column(format="$%.2f"),
            "Call wall": column(format="$%.2f"),
            "IV 30d": column(format="%.1f %%", help="at the money, constant maturity of 30 days, a year"),
            "IV rank": column(format="%.0f", help="0 to 100 in its own last 252 sessions"),
            "Skew 25Δ": column(format="%+.1f", help="25-delta put less call at 30 days, vol points"),
            "P/C OI": column(format="%.2f", help="puts over calls, open interest"),
            "Trust": st.column_config.TextColumn(help="FULL, LIMITED or INVALID; else what became of the chain"),
        },
    )
    st.caption("The most pushed first. Select a row to look at it below. Signs are a convention: customers sell calls "
               "and buy puts.")  # fmt: skip


def _summary(dealer: Mapping[str, Any]) -> None:
    colour, word, meaning = _POSITIONS[dealer["dealer_position"]]
    trust = dealer["dealer_status"]
    st.markdown(f":{colour}-badge[{word}] :{_TRUST[trust]}-badge[{trust} chain] Dealers' position: {meaning}.")
    if dealer["status_reasons"]:
        st.caption(f"{trust} because: {'; '.join(_reason(code) for code in dealer['status_reasons'])}.")
    st.markdown(_beside_flip(dealer))
    _metrics(
        [
            (
                "Net GEX per 1 %",
                big_money(dealer["net_gex"]),
                "net_gex",
                f"USD of delta hedge per 1 % move; {share(dealer['gex_pct_adv'], 2)} of daily dollar volume",
            ),
            (
                "Gross GEX per 1 %",
                big_money(dealer["gross_gex"]),
                "gross_gex",
                f"sum of absolute exposures; net over gross is {number(dealer['gex_ratio'], 2)}",
            ),
            ("DGPI", number(dealer["dgpi"], 0), "dgpi", "-100 pushed to 100 pinned"),
            (
                "Gamma flip",
                money(dealer["gamma_flip_level"]),
                "gamma_flip_level",
                "where net gamma, priced anew, is zero",
            ),
            ("Put wall", money(dealer["put_wall"]), "put_wall", f"largest put gamma, up to {MAX_DTE} days"),
            ("Call wall", money(dealer["call_wall"]), "call_wall", f"largest call gamma, up to {MAX_DTE} days"),
            ("Max pain", money(dealer["max_pain"]), "max_pain", "of the nearest expiry"),
            ("Spot", money(dealer["spot"]), "spot", "as traded, not adjusted"),
        ],
        dealer["null_reasons"],
    )


def _beside_flip(dealer: Mapping[str, Any]) -> str:
    spot, flip = dealer["spot"], dealer["gamma_flip_level"]
    match dealer["flip_status"]:
        case "NO_CROSS_POSITIVE":
            return f"There is no gamma flip: net gamma is positive everywhere within {FLIP_RANGE:.0%} of spot."
        case "NO_CROSS_NEGATIVE":
            return f"There is no gamma flip: net gamma is negative everywhere within {FLIP_RANGE:.0%} of spot."
    if spot is None or flip is None:
        return "The gamma flip is unknown."
    below, above = ("negative", "positive") if dealer["flip_direction"] == "upward" else ("positive", "negative")
    side = {"at": "at", "above": "above", "below": "below"}[dealer["position_vs_flip"]]
    return escaped(
        f"Spot {money(spot)} is {side} the gamma flip at {money(flip)} ({100 * (flip / spot - 1):+.1f} % away): "
        f"net gamma is {below} below it and {above} above."
    )


def _metrics(shown: list[tuple[str, str, str, str]], null_reasons: Mapping[str, str]) -> None:
    """Numbers as title, text, column and meaning; what is unknown tells why."""
    figures(
        Figure(title, text, note, _reason(null_reasons[column]) if column in null_reasons else None)
        for title, text, column, note in shown
    )


def _reason(code: str) -> str:
    return Reason[code].value if code in Reason.__members__ else code


def _exposure(chain: Chain, dealer: Mapping[str, Any]) -> None:
    spot = chain.spot
    if spot is None or not len(chain):
        empty("There is no exposure to draw:", "no contract of the chain counts.")
        return
    low, high = (1 - FLIP_RANGE) * spot, (1 + FLIP_RANGE) * spot
    places = {
        name: (value, colour)
        for name, value, colour in (
            ("spot", spot, QUIET),
            ("flip", dealer["gamma_flip_level"], WARNING),
            ("put wall", dealer["put_wall"], "#a05fc4"),
            ("call wall", dealer["call_wall"], ACCENT),
        )
        if value is not None and low <= value <= high
    }
    by_strike = gex_by_strike(chain)
    wide = pd.DataFrame({"strike": by_strike.strike, "calls": by_strike.call_gex, "puts": by_strike.put_gex})
    near = wide[wide["strike"].between(low, high)].melt("strike", var_name="side", value_name="gex").dropna()
    left, right = st.columns(2)
    left.markdown("**Exposure by strike**")
    left.altair_chart(
        charts.series_bars(
            near, "strike", "gex", "side",
            colours={"calls": RISING, "puts": FALLING},
            x_title="strike, USD", title="GEX, USD per 1 %", places=places,
        )
    )  # fmt: skip
    spots = spot * np.linspace(1 - FLIP_RANGE, 1 + FLIP_RANGE, _PROFILE_POINTS)
    net, _ = gamma_profile(chain, spots)
    right.markdown("**Net gamma if the price were elsewhere**")
    right.altair_chart(
        charts.curves(
            pd.DataFrame({"price": spots, "net": net, "series": "net GEX"}), "price", "net", "series",
            colours={"net GEX": ACCENT},
            x_title="price, USD", title="net GEX, USD per 1 %", places={
                name: places[name] for name in ("spot", "flip") if name in places
            }, level=0, is_usd=True, height=320,
        )
    )  # fmt: skip
    st.caption(
        f"Within {FLIP_RANGE:.0%} of spot, all expiries. The profile prices every contract anew at its own implied "
        f"volatility; {share(dealer['flip_coverage'])} of the open interest could be."
    )
    _walls(dealer)


def _walls(dealer: Mapping[str, Any]) -> None:
    for place, side, title in zip(
        st.columns(2), ("call", "put"), ("Call walls: resistance", "Put walls: support"), strict=True
    ):
        walls = [
            {"By": by, **wall}
            for by, column in (("gamma", f"{side}_walls"), ("open interest", f"{side}_walls_oi"))
            for wall in dealer[column]
        ]
        place.markdown(f"**{title}**")
        if not walls:
            place.caption("None within 25 % of spot.")
            continue
        frame = pd.DataFrame(walls)
        place.dataframe(
            pd.DataFrame(
                {
                    "By": frame["By"],
                    "Strike": frame["strike"],
                    "From spot": frame["distance_pct"],
                    "Of its side": 100 * frame["share_of_side"],
                    "Contracts": frame["oi"],
                }
            ),
            hide_index=True,
            column_config={
                "Strike": st.column_config.NumberColumn(format="$%.2f"),
                "From spot": st.column_config.NumberColumn(format="%+.1f %%"),
                "Of its side": st.column_config.NumberColumn(format="%.0f %%"),
                "Contracts": st.column_config.NumberColumn(format="localized"),
            },
        )


def _volatility(reading: Reading, chain: Chain, symbol: str, session: date) -> None:
    volatility, price = reading.volatility, reading.price or {"hv_20": None, "iv_hv_diff": None, "null_reasons": {}}
    if volatility is None:
        empty("There are no volatilities of this session.", "Run `kapman materialize --select volatility_metrics`.")
        return
    _metrics(
        [
            ("IV 30 days", share(volatility["iv_30d"], 1), "iv_30d", "at the money, a year"),
            ("IV rank", number(volatility["iv_rank"], 0), "iv_rank", "0 lowest to 100 highest of 252 sessions"),
            (
                "IV percentile",
                number(volatility["iv_percentile"], 0),
                "iv_percentile",
                "sessions before that were lower",
            ),
            ("IV less HV 20", number(price["iv_hv_diff"], 1, " pts"), "iv_hv_diff", "vol points; HV is realised"),
            ("Skew 25Δ", number(volatility["skew_25d"], 1, " pts"), "skew_25d", "put less call at 30 days, vol points"),
            ("Term structure", number(volatility["term_structure"], 1, " pts"), "term_structure", "90 less 30 days"),
            ("Put/call OI", number(volatility["pcr_oi"], 2), "pcr_oi", "open interest, puts over calls"),
            ("Put/call volume", number(volatility["pcr_volume"], 2), "pcr_volume", "traded in the session"),
        ],
        {**price["null_reasons"], **volatility["null_reasons"]},
    )
    st.caption(f"Expected move in 30 days: ±{escaped(money(volatility['expected_move_30d']))} (one standard "
               f"deviation). Rank and percentile rest on {volatility['history_n']} sessions.")  # fmt: skip
    left, right = st.columns(2)
    with left:
        _smile(chain)
    with right:
        _term_structure(volatility)
    _history(symbol, session)


def _smile(chain: Chain) -> None:
    st.markdown("**Smile by expiry**")
    spot = chain.spot
    if spot is None:
        empty("There is no smile:", "the price of the underlying is unknown.")
        return
    quoted = pd.DataFrame({"strike": chain.strike, "iv": 100 * chain.iv, "expiry": chain.expiration_date.astype(str)})
    # Quotes in the money say less; each strike of an expiry is told once.
    is_told = is_usable(chain.iv) & (chain.sign * (chain.strike - spot) >= 0)
    quoted = quoted[is_told & (np.abs(chain.strike / spot - 1) <= FLIP_RANGE)]
    expiries = sorted(quoted["expiry"].unique())
    # Volatilities of the last days are of another size and flatten the others.
    later = [expiry for expiry in expiries if (date.fromisoformat(expiry) - chain.session).days >= _LAST_DAYS]
    chosen = st.pills(
        "Expiries", expiries, selection_mode="multi", default=(later or expiries)[:_EXPIRIES], wrap=True,
        format_func=_told_expiry, label_visibility="collapsed",
    )  # fmt: skip
    if not chosen:
        empty("No expiry is chosen", "above, or none has a usable volatility.")
        return
    drawn = quoted[quoted["expiry"].isin(chosen)].sort_values("expiry")
    st.altair_chart(
        charts.curves(
            drawn.assign(expiry=drawn["expiry"].map(_told_expiry)), "strike", "iv", "expiry",
            x_title="strike, USD (out of the money)", title="implied volatility, % a year", points=True,
        )
    )  # fmt: skip


def _told_expiry(expiry: str) -> str:
    return day(date.fromisoformat(expiry))


def _term_structure(volatility: Mapping[str, Any]) -> None:
    st.markdown("**Term structure and 25Δ wings**")
    wings = {"atm_iv": "at the money", "put_iv": "25Δ put", "call_iv": "25Δ call"}
    smiles = pd.DataFrame(volatility["smiles"], columns=["dte", *wings]).rename(columns=wings)
    points = smiles.melt("dte", var_name="series", value_name="iv").dropna()
    if points.empty:
        empty("There is no term structure:", "no expiry has a usable volatility.")
        return
    st.altair_chart(
        charts.curves(
            points.assign(iv=100 * points["iv"].astype("float64")), "dte", "iv", "series",
            colours={"at the money": ACCENT, "25Δ put": FALLING, "25Δ call": RISING},
            x_title="calendar days to expiry", title="implied volatility, % a year", points=True, height=330,
        )
    )  # fmt: skip


def _history(symbol: str, session: date) -> None:
    past = fetch(dealers.history, symbol, session)
    past = past.assign(iv_30d=100 * past["iv_30d"], hv_20=100 * past["hv_20"])
    drawn = (
        ("Implied and realised", "% a year", {"iv_30d": "IV 30 days", "hv_20": "HV 20"}),
        ("IV rank and percentile", "0 to 100", {"iv_rank": "rank", "iv_percentile": "percentile"}),
        ("Skew and term structure", "vol points", {"skew_25d": "25Δ skew", "term_structure": "90 less 30 days"}),
        ("Put/call ratios", "puts over calls", {"pcr_oi": "open interest", "pcr_volume": "volume"}),
    )
    for start in range(0, len(drawn), 2):
        for place, (title, unit, columns) in zip(st.columns(2), drawn[start : start + 2], strict=True):
            points = past[["date", *columns]].rename(columns=columns).melt("date", var_name="series").dropna()
            place.markdown(f"**{title}, {len(past)} sessions**")
            if points.empty:
                place.caption("Unknown so far: too few sessions of history.")
                continue
            place.altair_chart(
                charts.curves(
                    points, "date", "value", "series",
                    colours=dict(zip(columns.values(), (ACCENT, WARNING), strict=True)), title=unit, height=200,
                )
            )  # fmt: skip


def _chain_quality(reading: Reading) -> None:
    status, dealer = reading.status, reading.dealer or {}
    if status is None:
        empty("Nothing is known of this chain.", "Run `kapman materialize --select options_chains`.")
        return
    facts = {
        "Chain": f"{status['status']}{': ' + status['reason'] if status['reason'] else ''}",
        "Taken": "–" if status["snapshot_ts"] is None else f"{status['snapshot_ts']:%d %b %Y %H:%M %Z}",
        "Open interest counted at the end of": day(status["oi_session"]),
        "Spot from": status["spot_source"] or "–",
        "Contracts": f"{status['contracts']:,} (pages: {status['pages']})",
        "Adjusted contracts, left out": number(status["contracts_non_standard"], 0),
        "With open interest and gamma": number(dealer.get("contracts_used"), 0),
        "Open interest": number(dealer.get("total_oi"), 0, " contracts"),
        "Open interest with gamma": share(dealer.get("oi_coverage"), 1),
        "Open interest in the profile": share(dealer.get("flip_coverage"), 1),
        "With a usable volatility": number((reading.volatility or {}).get("contracts_analyzed"), 0, " contracts"),
        "Refused rows": ", ".join(f"{reason}: {count}" for reason, count in status["refused"].items()) or "none",
    }
    st.dataframe(pd.DataFrame({"What": facts.keys(), "Value": facts.values()}), hide_index=True, height="content")
    unknown = [
        {"Number": name.replace("_", " "), "Unknown because": _reason(code)}
        for row in (reading.dealer, reading.volatility, reading.price)
        if row is not None
        for name, code in row["null_reasons"].items()
    ]
    st.markdown(f"**Unknown numbers: {len(unknown)}**")
    if unknown:
        st.dataframe(pd.DataFrame(unknown), hide_index=True)


def _one_name(symbol: str, names: pd.DataFrame) -> None:
    row = names[names["symbol"] == symbol].iloc[0]
    session = row["date"]
    reading = fetch(dealers.reading, symbol, session)
    name_heading(symbol, row["name"])
    dealer = reading.dealer
    if dealer is None:
        empty(
            f"{escaped(symbol)} has no dealer metrics of {session}:",
            f"its chain is {row['chain_status']}. The Chain section says why.",
        )
        _chain_quality(reading)
        return
    _summary(dealer)
    section = st.segmented_control(
        "Section", _SECTIONS, default=_SECTIONS[0], required=True, key="section", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if section == "Chain":
        _chain_quality(reading)
        return
    chain = fetch(dealers.chain, symbol, session)
    if section == "Dealers":
        _exposure(chain, dealer)
    else:
        _volatility(reading, chain, symbol, session)


fresh = page_head("Dealers & volatility", "Where are dealers pinned or pushed?")
found = fetch(dealers.overview)
if found.empty:
    empty("No name has an option chain yet.", "Run `kapman materialize --select options_chains`.")
    st.stop()
if fresh.snapshots is not None and found["date"].iloc[0] < fresh.snapshots:
    st.warning(f"The newest chains are of {day(found['date'].iloc[0])}.", icon=":material/schedule:")
_answer(found)
_overview(found)
_one_name(symbol_choice(found["symbol"].tolist()), found)
