"""Who is looking: the one local user, or whoever the identity provider says."""

import streamlit as st

from kapman_resources.settings import load_settings

LOCAL = "local"


def user_id() -> str:
    """The user's id in the users' own tables."""
    if load_settings().panel_auth == "oidc":
        return str(st.user.email)
    return LOCAL


def require_login() -> None:
    """With `PANEL_AUTH=oidc`, show nothing but a login until somebody has logged in."""
    if load_settings().panel_auth == "oidc" and not st.user.is_logged_in:
        st.title("Kapman")
        st.button("Log in", on_click=st.login, type="primary")
        st.stop()
