"""What should wake me: what fired and whether it was delivered, and the user's own rules."""

from typing import Any

import pandas as pd
import streamlit as st

from kapman_assets.etf.rule_store import ALL, CATALOGUE, ETF, WATCHLIST
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.parser import parse
from kapman_resources.errors import KapmanError
from kapman_resources.notifier import channel_names
from kapman_resources.settings import load_settings
from kapman_ui.advice import rows_of
from kapman_ui.database import fetch, writing
from kapman_ui.layout import day, empty, escaped, page_head, rule_problem, say, show_said
from kapman_ui.queries import alerts
from kapman_ui.queries.alerts import CHANNEL_DAYS, KINDS, NAME_LENGTH, PRIORITIES, Rule
from kapman_ui.user import user_id

_SHOWN = 300
_LONGEST_CONDITION = 1_000
_HORIZONS = ("20D", "60D", "252D")
_ONE = "one symbol"
_UNIVERSES = {
    ETF: "ETFs with features",
    WATCHLIST: "my watchlist",
    ALL: "every name",
    _ONE: "one symbol",
}
_MARKS = {"CRITICAL": "🔴", "HIGH": "🟢", "MEDIUM": "🟡", "LOW": "🔵", "INFO": "⚪"}
_STATES = {"PENDING": "waiting", "SENDING": "under way", "SENT": "sent", "FAILED": "failed"}
_NEW = "A new rule"


def _summary(rules: pd.DataFrame, channels: pd.DataFrame) -> None:
    """The answer in a sentence or two."""
    newest = fetch(alerts.newest_session)
    if newest is None:
        open_ones = "Nothing has fired yet"
    else:
        fired = fetch(alerts.history, user_id(), first=newest, only_open=True, limit=_SHOWN)
        counts = fired["priority"].value_counts()
        told = ", ".join(f"{_MARKS[name]} {counts[name]} {name}" for name in PRIORITIES if name in counts)
        open_ones = f"{day(newest)}: {told} to take note of" if told else f"{day(newest)}: nothing left to take note of"
    active = int(rules["is_active"].sum()) if len(rules) else 0
    st.markdown(f"**{open_ones}.** {active} of your {len(rules)} rules are active.")
    if not load_settings().notify_urls:
        st.info(
            "Nobody is told outside this page: no channel is configured. Set `NOTIFY_URLS`, then try it with "
            "`kapman notify test`.",
            icon=":material/notifications_off:",
        )
    failed = channels[channels["failed"] > 0]
    for row in rows_of(failed):
        st.error(f"{escaped(row['channel'])}: {row['failed']} messages failed. {escaped(row['last_error'] or '')}")


# History


def _history() -> None:
    left, middle, right = st.columns([3, 2, 2])
    priorities = left.pills(
        "Priority", PRIORITIES, selection_mode="multi", key="priority", bind="query-params", wrap=True
    )
    kinds = middle.pills(
        "Kind",
        KINDS,
        selection_mode="multi",
        key="kind",
        bind="query-params",
        wrap=True,
        help="signal: built-in conditions; rule: your own; system: the operation of Kapman",
    )
    text = right.text_input("Text", key="text", bind="query-params", placeholder="symbol, code or title")
    left, right = st.columns(2, vertical_alignment="bottom")
    first = left.date_input("Since", value=None, key="since", format="YYYY-MM-DD")
    only_open = right.toggle("Only those nobody took note of", key="open", bind="query-params")
    found = fetch(
        alerts.history,
        user_id(),
        priorities=tuple(priorities),
        kinds=tuple(kinds),
        text=(text or "").strip(),
        first=first,
        only_open=only_open,
        limit=_SHOWN,
    )
    if found.empty:
        empty(
            "No alert meets the filters.",
            "Alerts come with each session's snapshots: `kapman materialize --select alerts`.",
        )
        return
    sent = fetch(alerts.deliveries, tuple(found["alert_id"].tolist()))
    event = st.dataframe(
        pd.DataFrame(
            {
                "Session": found["date"],
                "Priority": [f"{_MARKS[name]} {name}" for name in found["priority"]],
                "Symbol": found["symbol"],
                "What": found["title"],
                "Delivered": found["alert_id"].map(_deliveries(sent)),
                "Noted": found["acknowledged_at"],
                "By": found["acknowledged_by"],
                "Message": found["message"],
                "Value": found["value"].astype("float64"),
                "Kind": found["kind"],
                "Code": found["code"],
            }
        ),
        hide_index=True,
        height="content" if len(found) <= 10 else 420,  # noqa: PLR2004 rows
        placeholder="–",
        # Other rows are another table: what was selected in the old one is not selected in it.
        key=f"history-{hash(tuple(found['alert_id']))}",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "What": st.column_config.TextColumn(width="medium"),
            "Delivered": st.column_config.TextColumn(help="by channel; LOW and INFO are in the daily summary alone"),
            "Noted": st.column_config.DatetimeColumn("Noted (UTC)", format="D MMM HH:mm"),
            "Message": st.column_config.TextColumn(width="large"),
            "Value": st.column_config.NumberColumn(format="%.4g", help="number behind the condition, in its own unit"),
        },
    )
    chosen = [found["alert_id"].tolist()[row] for row in event["selection"]["rows"]]
    waiting = found.loc[found["acknowledged_at"].isna(), "alert_id"].tolist()
    more = f" The newest {_SHOWN} are shown." if len(found) == _SHOWN else ""
    st.caption(f"{len(found)} alerts.{more}")
    with st.container(horizontal=True):
        if st.button(f"Take note of {len(chosen)} selected", disabled=not chosen, type="primary"):
            _note(chosen)
        if st.button(f"Take note of all {len(waiting)} open ones shown", disabled=not waiting):
            _note(waiting)


def _deliveries(sent: pd.DataFrame) -> dict[int, str]:
    """By alert, its messages' channels with their state."""
    told: dict[int, list[str]] = {}
    for row in rows_of(sent):
        why = f" ({row['last_error']})" if row["last_error"] and row["status"] != "SENT" else ""
        again = ", perhaps twice" if row["may_be_duplicate"] else ""
        told.setdefault(row["alert_id"], []).append(f"{row['channel']}: {_STATES[row['status']]}{again}{why}")
    return {alert_id: "; ".join(lines) for alert_id, lines in told.items()}


def _note(alert_ids: list[int]) -> None:
    with writing() as connection:
        count = alerts.acknowledge(connection, alert_ids, user_id())
    say(f"Took note of {count} alerts.")


# Rules


def _rules(rules: pd.DataFrame) -> None:
    if rules.empty:
        empty("You have no rule yet.", "Write one below; the built-in conditions fire without any.")
    else:
        problems = [_told(_problem(each)) for each in rules["condition"]]
        st.dataframe(
            pd.DataFrame(
                {
                    "Name": rules["name"],
                    "Condition": rules["condition"],
                    **({"Problem": problems} if any(problems) else {}),
                    "Asked of": [_UNIVERSES.get(each, each) for each in rules["universe"]],
                    "Horizon": rules["horizon"],
                    "Silence": rules["cool_down"],
                    "Told by": ["; ".join(each) or "all channels" for each in rules["channels"]],
                    "Active": rules["is_active"],
                    "Last fired": rules["last_fired"],
                    "For names": rules["firings"],
                }
            ),
            hide_index=True,
            height="content",
            placeholder="–",
            column_config={
                "Condition": st.column_config.TextColumn(width="medium"),
                "Silence": st.column_config.NumberColumn(help="sessions of silence after it fired, by name"),
            },
        )
    names = dict(zip(rules["rule_id"].tolist(), rules["name"], strict=True))
    chosen = st.selectbox("Edit", [None, *names], format_func=lambda rule: _NEW if rule is None else names[rule])
    stored = None if chosen is None else _stored(rules.set_index("rule_id").loc[chosen])
    _editor(chosen, stored or Rule(name="", condition=""))
    _help()
    _watchlist()


def _stored(row: Any) -> Rule:
    return Rule(
        name=row["name"],
        condition=row["condition"],
        horizon=row["horizon"],
        universe=row["universe"],
        cool_down=int(row["cool_down"]),
        channels=tuple(row["channels"]),
        is_active=bool(row["is_active"]),
    )


def _editor(rule_id: int | None, stored: Rule) -> None:
    """Fields of one rule; what is wrong with its condition is shown at its character."""
    place = f"{rule_id}-{st.session_state.setdefault('written', 0)}"
    name = st.text_input("Name", stored.name, max_chars=NAME_LENGTH, key=f"name-{place}")
    condition = st.text_input(
        "Condition", stored.condition, max_chars=_LONGEST_CONDITION, key=f"condition-{place}",
        placeholder="z <= -1.0 and cross_above(macd, macd_signal)",
        help="names below, numbers, < <= > >= == !=, cross(a, b), cross_above, cross_below, and, or, not, brackets",
    )  # fmt: skip
    problem = _problem(condition)
    if problem is not None and condition.strip():
        rule_problem(problem)
    a, b, c = st.columns(3)
    own = stored.universe not in _UNIVERSES
    kinds = list(_UNIVERSES)
    asked = a.selectbox(
        "Asked of", kinds, index=kinds.index(_ONE if own else stored.universe), key=f"universe-{place}",
        format_func=_UNIVERSES.__getitem__,
    )  # fmt: skip
    horizon = b.selectbox(
        "Horizon of ETF features", _HORIZONS, index=_HORIZONS.index(stored.horizon), key=f"horizon-{place}",
        help="sessions that averages and deviations look back; other columns have none",
    )  # fmt: skip
    silence = c.number_input(
        "Silence, sessions", 0, 250, stored.cool_down, key=f"silence-{place}", help="after it fired, by name"
    )
    symbol = ""
    if asked == _ONE:
        symbol = st.text_input("Symbol", stored.universe if own else "", key=f"symbol-{place}").strip()
    configured = channel_names(load_settings().notify_urls)
    channels = st.multiselect(
        "Told by", list(dict.fromkeys([*configured, *stored.channels])), list(stored.channels), key=f"channels-{place}",
        placeholder="all channels", help="channels of NOTIFY_URLS; none chosen means all",
    )  # fmt: skip
    active = st.toggle("Active", stored.is_active, key=f"active-{place}")
    wanted = Rule(
        name=name,
        condition=condition.strip(),
        horizon=horizon,
        universe=symbol if asked == _ONE else asked,
        cool_down=int(silence),
        channels=tuple(channels),
        is_active=active,
    )
    with st.container(horizontal=True):
        if st.button("Save rule", type="primary", disabled=problem is not None or not name.strip()):
            _save(rule_id, wanted)
        if rule_id is not None and st.button("Delete rule …"):
            _confirm_delete(rule_id, stored.name)


def _problem(condition: str) -> RuleError | None:
    try:
        parse(condition, CATALOGUE)
    except RuleError as error:
        return error
    return None


def _told(problem: RuleError | None) -> str | None:
    return None if problem is None else f"⚠ {problem.problem}"


def _save(rule_id: int | None, wanted: Rule) -> None:
    if wanted.universe not in _UNIVERSES and not fetch(alerts.is_symbol, wanted.universe):
        st.error(f"There is no symbol {escaped(repr(wanted.universe))}; write it as the vendor does, case matters.")
        return
    try:
        with writing() as connection:
            alerts.save_rule(connection, user_id(), wanted, rule_id)
    except KapmanError as error:
        st.error(escaped(error))
        return
    _written(f"Saved {wanted.name.strip()!r}. It is asked with the next session.")


def _written(told: str) -> None:
    """Show the fields anew from what is stored."""
    st.session_state["written"] += 1
    say(told)


@st.dialog("Delete this rule?")
def _confirm_delete(rule_id: int, name: str) -> None:
    st.write(f"{escaped(name)} is deleted. The alerts that it raised stay.")
    if st.button("Delete", type="primary"):
        with writing() as connection:
            alerts.delete_rule(connection, user_id(), rule_id)
        _written(f"Deleted {name!r}.")


def _help() -> None:
    with st.expander("Names that a condition may use, with their units"):
        told = [{"Name": each.name, "Unit": each.unit, "Meaning": each.description} for each in CATALOGUE]
        st.dataframe(pd.DataFrame(told), hide_index=True)


def _watchlist() -> None:
    """The names of the universe `watchlist`."""
    followed = fetch(alerts.watched, user_id())
    with st.expander(f"My watchlist: {len(followed)} names"), st.form("watchlist", border=False):
        text = st.text_area(
            "Symbols", " ".join(followed), key=f"watchlist-{len(followed)}",
            help="as the vendor writes them; case matters",
        )  # fmt: skip
        if st.form_submit_button("Save watchlist"):
            with writing() as connection:
                unknown = alerts.set_watchlist(connection, user_id(), set(text.replace(",", " ").split()))
            left_out = f" Not in the warehouse, and left out: {', '.join(unknown)}." if unknown else ""
            _written(f"Saved the watchlist.{left_out}")


# Delivery


def _delivery(channels: pd.DataFrame) -> None:
    if channels.empty:
        empty(
            f"No message has been put in the outbox for {CHANNEL_DAYS} days.",
            "CRITICAL, HIGH and MEDIUM alerts get one a channel of NOTIFY_URLS.",
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Channel": channels["channel"],
                "Sent": channels["sent"],
                "Waiting": channels["waiting"],
                "Failed": channels["failed"],
                "Last sent": channels["sent_at"],
                "Last error of what is not sent": channels["last_error"],
            }
        ),
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "Last sent": st.column_config.DatetimeColumn("Last sent (UTC)", format="D MMM YYYY HH:mm"),
            "Last error of what is not sent": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption(
        f"Messages of {CHANNEL_DAYS} days. Try a channel with `kapman notify test`. "
        "What failed is sent again by `kapman notify retry`."
    )


def _page() -> None:
    page_head("Alerts", "What should wake me?")
    rules = fetch(alerts.rules, user_id())
    channels = fetch(alerts.channels)
    with st.container():
        _summary(rules, channels)
    show_said()
    view = st.segmented_control(
        "View", ["History", "Rules", "Delivery"], default="History", required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    match view:
        case "Rules":
            _rules(rules)
        case "Delivery":
            _delivery(channels)
        case _:
            _history()


_page()
