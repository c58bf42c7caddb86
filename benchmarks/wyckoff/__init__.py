"""How well the Wyckoff engine reads: labelled simulated series, and what recorded prices did after its events.

`templates` has the shapes, `generator` plants them, `nulls` draws series without any, `matching` counts, `study` runs
the engine over all of them, `forward` follows recorded prices, `pages` writes the document and its picture. Templates,
generator and nulls share no code and no constant with the engine. Seeds 0 to 999 are for development; those from 10,000
are for the report alone. Run by `python -m benchmarks.wyckoff`.
"""
