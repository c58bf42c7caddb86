"""The benchmark suite, run by `make bench` or `python -m benchmarks`: how fast, and held against what.

A duration says little without the machine it was measured on, so ingest is held against a yardstick measured
beside it: bare `COPY` of the same rows, already parsed, into a plain table with the same key on
the same server; the gamma flip is held against its formula as it is written. Everything runs on simulated markets
and made-up chains, in a temporary directory with a server of its own, and leaves nothing behind but its results.

One module has one reason to exist: `laboratory` (directory, server, markets, warehouses), `yardstick` (the
bare `COPY`), `asset_calls` (what the asset does for one session), `machine` (what it all ran on), `report`
(rows, table, results.json), and one module a subject: `session`, `history` (with `run_assets` as its child
process), `reads`, `simulation`, `start`, `options_metrics`, `panel` (with `browsing`, a panel and a browser, and
`statements`, what the panel asks its database; it looks at the caller's own warehouse).
"""
