"""Puts the commands together; the entry point of `kapman`."""

import typer

from kapman_assets.cli import database, doctor, materialize, notify, panel, simulate, up

app = typer.Typer(
    name="kapman",
    help="Trading decision support: a Dagster asset graph over the US stock market.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(up.up)
app.command()(simulate.simulate)
app.command()(materialize.materialize)
app.command()(doctor.doctor)
app.command()(panel.panel)
app.add_typer(database.app, name="db")
app.add_typer(notify.app, name="notify")
