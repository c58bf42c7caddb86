"""The base layer: tickers, splits and the raw daily bars of the whole universe.

`day_file` judges rows, `ohlcv_store` writes sessions, `split_factors` and `reference` do the same for the
reference data; all of them are free of Dagster. `assets`, `checks`, `sensors` and `retention_job` are the
thin layer above.
"""
