"""What the panel asks of its users' own tables, and what it writes to them."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_resources.schema import user_settings
from kapman_ui.queries.marking import depends_on


@dataclass(frozen=True)
class Settings:
    """A trader's own numbers.

    Attributes:
        equity: account value, USD; None if not said.
        risk_fraction: share of it that a trade may lose at its stop, decimal.
        stop_atr: distance of a stop, average true ranges.
        alert_sound: whether a CRITICAL alert makes a sound.
    """

    equity: float | None = None
    risk_fraction: float = 0.01
    stop_atr: float = 2.0
    alert_sound: bool = False


@depends_on(user_settings)
def settings(connection: sa.Connection, user_id: str) -> Settings:
    """What a user has set, or what holds for one who has not."""
    c = user_settings.c
    query = sa.select(c.equity, c.risk_fraction, c.stop_atr, c.alert_sound).where(c.user_id == user_id)
    row = connection.execute(query).one_or_none()
    return Settings() if row is None else Settings(*row)


def save_settings(connection: sa.Connection, user_id: str, chosen: Settings) -> None:
    """Keep a user's settings.

    Raises:
        sqlalchemy.exc.IntegrityError: a number is out of its range.
    """
    values = {
        "equity": chosen.equity,
        "risk_fraction": chosen.risk_fraction,
        "stop_atr": chosen.stop_atr,
        "alert_sound": chosen.alert_sound,
        "updated_at": sa.func.now(),
    }
    statement = insert(user_settings).values(user_id=user_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))
