"""The hash chain over journals. Only adds: nodes of the version before go on writing, and are sealed behind.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables; whoever owns the store seals what is in the journal."""
    op.create_table(
        "seal",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chain",
        sa.Column("graph_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        # what its planner must know, see `idsync.store.sql.planner`; a database made by 0001 knows it already
        op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'seal'")
        op.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('seal', 'seal', '10000000 10000000 1')")
