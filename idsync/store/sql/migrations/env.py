"""Runs migrations; the schema they lead to is `idsync.store.sql.tables`."""

from alembic import context
from sqlalchemy import engine_from_config, pool

from idsync.store.sql.tables import metadata

engine = engine_from_config(
    context.config.get_section(context.config.config_ini_section, {}),
    prefix="sqlalchemy.",
    poolclass=pool.NullPool,
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
