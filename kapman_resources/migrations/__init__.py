"""Alembic revisions of the warehouse, applied by `kapman db upgrade`."""
