"""What the bars of a name say by themselves: 84 indicators, the columns of a snapshot, the screener's columns.

`bars` is what everything calculates on; `momentum`, `volatility`, `trend` and `volume` are the indicators by family,
`indicators` all of them for one name; `history` says how much of the past a session's row sees, `reasons` why a value
is unknown, `universe` does many names at once, `screen` asks for names by their columns. All of it is plain
calculation on adjusted bars, free of Dagster and of any database connection. What options say is in
`kapman_assets.options`.

Around it: `store` reads bars and writes rows, `quality` judges what is stored; `assets` and `checks` are what Dagster
sees.
"""
