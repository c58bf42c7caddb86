"""The `kapman` command: a convenience around Dagster and the warehouse, never a second pipeline.

One module a command; `main` puts them together. Heavy imports stand inside the functions, so that
`kapman --help` answers at once.
"""
