"""Followed names: what is put into a portfolio has its option chains taken from then on.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As its owner: the panel writes portfolios, and nothing of the market. It waits for whoever writes bars or tickers
# (the advisory lock of `ohlcv_store`), since two who change the same rows in another order would lock each other out.
_FOLLOW_MEMBERS = """
CREATE FUNCTION follow_members() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added a JOIN tickers t USING (ticker_id) WHERE NOT t.options_enabled) THEN
        PERFORM pg_advisory_xact_lock(118066242191363);
        UPDATE tickers t SET options_enabled = true FROM added a
        WHERE t.ticker_id = a.ticker_id AND NOT t.options_enabled;
    END IF;
    RETURN NULL;
END $$
"""

_TRIGGER = """
CREATE TRIGGER follow_members AFTER INSERT ON portfolio_tickers
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION follow_members()
"""

_COMMENT = """
COMMENT ON COLUMN tickers.options_enabled
IS 'whether its option chain is taken: switched on when it is put into a portfolio'
"""


def upgrade() -> None:
    """Apply."""
    op.execute(_COMMENT)
    op.execute(_FOLLOW_MEMBERS)
    op.execute(_TRIGGER)
