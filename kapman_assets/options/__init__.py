"""What option chains say about an underlying: dealer gamma, implied volatility, ratios; and its realised volatility.

`chain` turns a session's contracts into the arrays that everything else calculates on; `black_scholes` prices them;
`gamma_exposure`, `walls` and `pressure` lead to `dealer`, `smile` to `volatility`; `price` needs bars only;
`json_ready` turns metrics into plain values. All of them are plain calculation, free of Dagster and of any database.
Unknown is None or NaN with a reason, never 0.

Around them: `snapshot` reads the vendor's pages, `ingest` takes them, `chain_store` keeps the contracts;
`metrics_store` and `session_metrics` bring a session's chains to the calculations and their results to the tables;
`quality` judges what is stored. `assets`, `checks` and `jobs` are the thin Dagster layer.
"""
