"""Bars of many sessions put into a warehouse at once, for tests of what is made of them."""

import csv
import gzip
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from kapman_resources import partitioning, schema
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection


def recorded_bars(real_data: Path) -> pd.DataFrame:
    """Every sound row of the recorded day files."""
    parts = []
    for path in sorted((real_data / "flatfiles_2024_2026").rglob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as text:
            parts += [row | {"session": date.fromisoformat(path.name[:10])} for row in csv.DictReader(text)]
    frame = pd.DataFrame(parts).rename(columns={"ticker": "symbol"})
    numbers = ["open", "high", "low", "close", "volume"]
    frame[numbers] = frame[numbers].astype(float)
    return frame[frame["volume"] > 0]


def copy_bars(engine: sa.Engine, bars: pd.DataFrame) -> None:
    """Store bars (symbol, session, open, high, low, close, volume) of known names as those of the day files."""
    columns = ["ticker_id", "date", "open", "high", "low", "close", "volume", "source"]
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], set(bars["session"]))
        ids = dict(connection.execute(sa.select(schema.tickers.c.symbol, schema.tickers.c.ticker_id)).all())
    frame = bars.assign(ticker_id=bars["symbol"].map(ids), date=bars["session"], source="flatfile")
    with engine.begin() as connection:
        copy_csv(driver_connection(connection), "ohlcv", frame[columns], columns)
