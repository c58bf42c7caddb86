"""Whether an ETF is stretched, turning, strong or weak against its benchmark, and what happened the last times.

`features` is one row a symbol, session and horizon: from `indicators` on the symbol's own bars, `composite` (their
z-scores, weighted) and `relative` (against the benchmark); `look_back` says how much of the past a row sees, `columns`
what each column means, `reasons` why one is NULL. `breadth` counts signals, `statistics` looks at what followed a
condition, `rule_names` are the columns as names of a rule (`kapman_assets.rules`). All of it is plain calculation on
split-adjusted bars, free of Dagster and of any database. Formulas and their source are in docs/etf.md.

Around it: `store` reads bars and writes rows, `rule_store` asks stored rules of a session, `quality` judges what is
stored; `assets` and `checks` are what Dagster sees.
"""
