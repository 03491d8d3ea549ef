"""Must-not-links.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from idsync.store.sql.planner import teach

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add their table, and how many of them name an identity: nobody has made one yet."""
    op.add_column("identity", sa.Column("must_nots", sa.Integer(), nullable=True))
    op.create_table(
        "must_not",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=True),
        sa.Column("mpid", sa.BigInteger(), nullable=True),
        sa.Column("until_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "seq", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("must_not_by_identity", "must_not", ["graph_id", "identity_id"], unique=False)
    op.create_index("must_not_by_profile", "must_not", ["graph_id", "mpid"], unique=False)
    teach(op.get_bind())
