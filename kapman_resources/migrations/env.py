"""Alembic's entry point: runs revisions on the connection that `kapman_resources.database` opened."""

from alembic import context

from kapman_resources.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
