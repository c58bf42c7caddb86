"""Five names with bars for the tests of the analysis layer: a walk, a split, a halt, a new name, and the market."""

from datetime import date

import numpy as np
import sqlalchemy as sa

from kapman_resources import partitioning
from kapman_resources.sessions import session_offset, sessions_between

LAST = date(2026, 7, 8)
SESSIONS = sessions_between(session_offset(LAST, -559), LAST)
RANGE = sessions_between(date(2026, 6, 25), LAST)
"""Over the half-year at which the past of an indicator begins anew, and over a split."""
SPLIT = date(2026, 6, 29)


def store_names(engine: sa.Engine) -> None:
    """Five names: a walk, one that splits 3:1 (no float is a third), one that was halted, one that is new, SPY."""
    rng = np.random.default_rng(5)
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv", "universe_technicals"], SESSIONS)
    with engine.begin() as connection:
        symbols = ["WALK", "SPLIT", "HALT", "NEW", "SPY"]
        ids = dict(
            connection.execute(
                sa.text(
                    "INSERT INTO tickers (symbol, options_enabled) SELECT unnest(CAST(:symbols AS text[])), true "
                    "RETURNING symbol, ticker_id"
                ),
                {"symbols": symbols},
            ).all()
        )
        rows = []
        for symbol in symbols:
            close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, len(SESSIONS))))
            spread = close * rng.uniform(0.002, 0.02, len(SESSIONS))
            opened = close + spread * rng.uniform(-0.9, 0.9, len(SESSIONS))
            volume = np.round(1e6 * np.exp(rng.normal(0, 0.4, len(SESSIONS))))
            for place, day in enumerate(SESSIONS):
                if (symbol == "HALT" and 300 <= place < 330) or (symbol == "NEW" and place < 500):
                    continue
                ratio = 3.0 if symbol == "SPLIT" and day < SPLIT else 1.0
                rows.append(
                    {
                        "id": ids[symbol],
                        "day": day,
                        "o": round(opened[place] * ratio, 4),
                        "h": round((close + spread)[place] * ratio, 4),
                        "l": round((close - spread)[place] * ratio, 4),
                        "c": round(close[place] * ratio, 4),
                        "v": round(volume[place] / ratio),
                    }
                )
        connection.execute(
            sa.text(
                "INSERT INTO ohlcv (ticker_id, date, open, high, low, close, volume, source) "
                "VALUES (:id, :day, :o, :h, :l, :c, :v, 'flatfile')"
            ),
            rows,
        )


def split(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO splits (ticker_id, execution_date, split_from, split_to, applies_from, price_factor) "
                "SELECT ticker_id, :day, 1, 3, '0001-01-01', 1 / 3.0 FROM tickers WHERE symbol = 'SPLIT'"
            ),
            {"day": SPLIT},
        )
