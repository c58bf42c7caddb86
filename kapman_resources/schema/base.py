"""What every table's definition shares: the metadata object, its naming rules, and columns that recur."""

import sqlalchemy as sa

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
