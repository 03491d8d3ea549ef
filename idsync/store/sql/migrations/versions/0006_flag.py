"""Flags, and how far the radar has watched. Only adds: nodes of the version before go on, and raise none.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    """Add their tables, and which of them an identity has: nobody has raised one yet."""
    op.add_column("identity", sa.Column("flags", sa.LargeBinary(), nullable=True))
    op.create_table(
        "flag",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "identity_id", "kind", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "watched",
        sa.Column("graph_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id"),
    )
    op.create_index("flag_by_place", "flag", ["graph_id", "seq"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        # what its planner must know, see `idsync.store.sql.planner`; a database made by 0001 knows it already
        op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'flag'")
        op.execute(
            "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES "
            "('flag', 'flag', '10000000 10000000 2 1 1'), ('flag', 'flag_by_place', '10000000 10000000 1')"
        )
