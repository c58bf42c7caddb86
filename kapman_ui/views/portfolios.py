"""What the user follows: portfolios with their names, by hand and by CSV."""

import io

import pandas as pd
import streamlit as st

from kapman_resources.errors import KapmanError
from kapman_ui.database import fetch, writing
from kapman_ui.layout import empty, escaped, say, show_said
from kapman_ui.queries import portfolios
from kapman_ui.queries.portfolios import NAME_LENGTH, PRIORITIES

_MOST_BYTES = 1_000_000


def _create() -> None:
    with st.form("create", clear_on_submit=True):
        name = st.text_input("Name", max_chars=NAME_LENGTH)
        description = st.text_input("Description", max_chars=200)
        if st.form_submit_button("Create portfolio", type="primary"):
            try:
                with writing() as connection:
                    st.session_state["portfolio"] = portfolios.create(connection, name, description)
            except KapmanError as error:
                st.error(escaped(str(error)))
            else:
                st.rerun()


def _names(portfolio_id: int) -> None:
    members = fetch(portfolios.members, portfolio_id)
    with st.container():
        if members.empty:
            empty("No names yet.", "Add some below, or from the Screener.")
    edited = st.data_editor(
        members.assign(remove=False),
        hide_index=True,
        placeholder="–",
        disabled=["symbol", "name", "sector"],
        column_config={
            "priority": st.column_config.SelectboxColumn("Priority", options=PRIORITIES, required=True),
            "remove": st.column_config.CheckboxColumn("Remove"),
            "symbol": "Symbol",
            "name": "Name",
            "sector": "Sector",
        },
        key=f"members-{portfolio_id}",
    )
    if st.button("Save changes", disabled=edited.drop(columns="remove").equals(members) and not edited["remove"].any()):
        changed = edited[(edited["priority"] != members["priority"]) & ~edited["remove"]]
        with writing() as connection:
            portfolios.put(connection, portfolio_id, dict(zip(changed["symbol"], changed["priority"], strict=True)))
            portfolios.take_out(connection, portfolio_id, edited.loc[edited["remove"], "symbol"].tolist())
        st.rerun()
    left, right = st.columns(2)
    with left.form(f"add-{portfolio_id}", clear_on_submit=True):
        symbols = st.text_input("Add symbols", placeholder="NVDA, AMD", help="as the vendor writes them; case matters")
        priority = st.radio("Priority", PRIORITIES, horizontal=True, help="P1: candidates for recommendations")
        if st.form_submit_button("Add"):
            _put(portfolio_id, dict.fromkeys(symbols.replace(",", " ").split(), priority))
    with right:
        _exchange(portfolio_id, members)


def _exchange(portfolio_id: int, members: pd.DataFrame) -> None:
    st.download_button(
        "Download CSV",
        members[["symbol", "priority"]].to_csv(index=False),
        file_name=f"portfolio-{portfolio_id}.csv",
        mime="text/csv",
    )
    with st.form(f"import-{portfolio_id}", clear_on_submit=True):
        file = st.file_uploader("CSV with the columns symbol and priority", type="csv", max_upload_size=1)
        if st.form_submit_button("Import") and file is not None:
            try:
                _put(portfolio_id, _read(file.getvalue()))
            except KapmanError as error:
                st.error(escaped(str(error)))


def _read(content: bytes) -> dict[str, str]:
    if len(content) > _MOST_BYTES:
        raise KapmanError(f"The file has {len(content):,} bytes; a portfolio has less than {_MOST_BYTES:,}.")
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise KapmanError(f"This is no CSV file: {error}.") from error
    if missing := {"symbol", "priority"} - set(table.columns):
        raise KapmanError(f"The file has no column {', '.join(sorted(missing))}; its first line names the columns.")
    return dict(zip(table["symbol"].str.strip(), table["priority"].str.strip(), strict=True))


def _put(portfolio_id: int, priorities: dict[str, str]) -> None:
    with writing() as connection:
        unknown = portfolios.put(connection, portfolio_id, priorities)
    left_out = f" Not in the warehouse, and left out: {', '.join(unknown)}." if unknown else ""
    say(f"{len(priorities) - len(unknown)} names are in the portfolio.{left_out}")


def _one_portfolio(found: pd.DataFrame) -> None:
    """The table of all, and the one that is chosen."""
    table = found.rename(columns={"name": "Name", "description": "Description", "p1": "P1 names", "p2": "P2 names"})
    st.dataframe(table.drop(columns="portfolio_id"), hide_index=True)
    names: dict[int, str] = dict(zip(found["portfolio_id"].tolist(), found["name"], strict=True))
    # A box knows its choice by the name: with another name it would fall back to the first portfolio.
    kept = st.session_state.get("portfolio")
    chosen = st.selectbox(
        "Portfolio",
        list(names),
        index=list(names).index(kept) if kept in names else 0,
        format_func=lambda portfolio: names[portfolio],
        key=f"portfolio-of-{sorted(names.items())}",
    )
    st.session_state["portfolio"] = chosen
    _names(chosen)
    rename, delete = st.columns(2)
    with rename.form(f"rename-{chosen}"):
        new = st.text_input("New name", value=names[chosen], max_chars=NAME_LENGTH)
        if st.form_submit_button("Rename"):
            try:
                with writing() as transaction:
                    portfolios.rename(transaction, chosen, new)
            except KapmanError as problem:
                st.error(escaped(str(problem)))
            else:
                st.rerun()
    if delete.button("Delete portfolio …"):
        _confirm_delete(chosen, names[chosen])


@st.dialog("Delete this portfolio?")
def _confirm_delete(portfolio_id: int, name: str) -> None:
    st.write(f"{escaped(name)} is deleted. Its names stay in the market and in other portfolios.")
    if st.button("Delete", type="primary"):
        with writing() as connection:
            portfolios.delete(connection, portfolio_id)
        st.rerun()


st.title("Portfolios")
st.caption(
    "What do I follow? Chains and structure of a name are taken from the next session on; "
    "P1 names are candidates for recommendations."
)
show_said()
found = fetch(portfolios.overview)
# Each in a place of its own: what is typed into one is not lost when the other grows.
chosen_one, new_one = st.container(), st.container()
with chosen_one:
    if found.empty:
        empty("There is no portfolio yet.", "Create one here.")
    else:
        _one_portfolio(found)
with new_one.expander("New portfolio", expanded=found.empty):
    _create()
