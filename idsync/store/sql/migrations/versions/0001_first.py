"""The first schema.

Revision ID: 0001
"""

from alembic import op

from idsync.store.sql.planner import teach
from idsync.store.sql.schema import APPLICATION_ID
from idsync.store.sql.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    metadata.create_all(connection)
    teach(connection)
