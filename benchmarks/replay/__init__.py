"""What the advisor would have said over past sessions, and how good that was.

`python -m benchmarks.replay` replays the recorded market in a warehouse of its own and writes `docs/replay.md`;
`python -m benchmarks.replay --configured` reports on what the configured warehouse holds and prints it. `study` reads
and counts, `page` writes.
"""
