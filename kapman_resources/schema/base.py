"""What every table's definition shares: the metadata object, its naming rules, and columns that recur."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def ticker_id(**options: object) -> sa.Column[int]:
    """A reference to `tickers`."""
    return sa.Column(
        "ticker_id",
        sa.Integer,
        sa.ForeignKey("tickers.ticker_id"),
        nullable=False,
        comment="the ticker, see tickers",
        **options,  # type: ignore[arg-type]
    )


def keys() -> tuple[sa.Column[object], sa.Column[int]]:
    """Session and ticker, the key of every table of metrics."""
    return (
        sa.Column("date", sa.Date, primary_key=True, comment="session (XNYS trading day)"),
        ticker_id(primary_key=True, autoincrement=False),
    )


def floats(columns: Mapping[str, str]) -> Iterable[sa.Column[float]]:
    """Columns of numbers, NULL where unknown, with their comments."""
    return (sa.Column(name, sa.Double, comment=comment) for name, comment in columns.items())


def counts(columns: Mapping[str, str], *, nullable: bool = True) -> Iterable[sa.Column[int]]:
    """Columns of whole numbers with their comments."""
    return (sa.Column(name, sa.BigInteger, nullable=nullable, comment=comment) for name, comment in columns.items())


def null_reasons() -> sa.Column[object]:
    """Why each column that is NULL is."""
    return sa.Column(
        "null_reasons", JSONB, nullable=False, comment="for each column that is NULL, the code of the reason"
    )
