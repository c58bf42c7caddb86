"""Alerts: what of a session should wake someone, and its way to them.

`conditions`, `rule_alerts` and `advice_alerts` find; `store` keeps; `outbox` puts what is to be told beside it in the
same transaction; `delivery` sends from there, at least once. `summary` is the evening's mail, `system` what operation
has to say. Docs: docs/alerts.md.
"""
