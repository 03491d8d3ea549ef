"""Runs migrations; the schema they lead to is `idsync.store.sql.tables`."""

from alembic import context

from idsync.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    version_table=context.config.get_main_option("version_table"),
)
with context.begin_transaction():
    context.run_migrations()
