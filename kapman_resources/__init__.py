"""The outside world: databases, flat files, vendors, the embedded server, the simulated market.

Plain clients live here, with thin Dagster resources around them in `dagster_resources`. Nothing here
imports the asset graph or the panel, and nothing here decides what a number means.
"""
