"""The Wyckoff method on daily bars: causal events, trading range, regime, phase, scores, checklist and trade meaning.

`vocabulary` has the words and `parameters` every threshold; `features` computes what `engine`, the state machine, looks
at; `scores` and `checklist` grade what it found; `signals` says what that means for a trade and nothing else does;
`reading` puts them together for one session, from a window of fixed length that ends on it. All of it is plain
calculation, free of Dagster and of any database. Unknown is None or NaN with a reason, never 0.

Around it: `store` reads bars and writes rows, `quality` judges what is stored; `assets` and `checks` are what Dagster
sees.
"""
