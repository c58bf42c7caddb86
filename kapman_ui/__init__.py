"""The trader panel: a Streamlit app that reads the warehouse and writes nothing but its users' own tables.

It knows no Dagster: pages (`views`) ask `queries` through `database`, and draw with `charts` and `candles`. What is
calculated for a page beyond a query comes from the calculation modules of `kapman_assets` that are free of Dagster.
"""
