"""The rule language of alerts, statistics and the screener: `dz5 > 0.5 and rsi14 < 35`.

`parser` reads a rule into the typed tree of `tree`, or says at which character it cannot; `catalogue` is what names
it may use; `evaluation` decides it on rows, `sql` turns it into a condition of a query, `cool_down` says when a rule
that holds is silent. A rule is never run as code and never becomes SQL text. Nothing here knows a domain: each brings
its own names. The language is described in docs/etf.md.
"""
