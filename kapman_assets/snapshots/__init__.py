"""The daily snapshots: one row a watched name and session, on which a decision rests.

The rows are made by the SQL models in `dbt_like_sql/models/snapshots`; here is what judges them. `quality` is free of
Dagster, `checks` is the thin layer above.
"""
