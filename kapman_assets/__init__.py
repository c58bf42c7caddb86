"""The asset graph: one sub-package per domain, each with plain calculation modules and a thin `assets.py`.

`definitions` assembles the graph. Clients of the outside world belong in `kapman_resources`.
"""
