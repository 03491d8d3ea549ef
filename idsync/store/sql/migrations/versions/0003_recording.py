"""The record of calls.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of what was recorded; nodes that do not know them go on."""
    op.create_table(
        "recorded_call",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("mpid", sa.BigInteger(), nullable=False),
        sa.Column("named", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id", "call_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("recorded_call_by_place", "recorded_call", ["graph_id", "after_seq", "call_id"])
    op.create_index("recorded_call_by_profile", "recorded_call", ["graph_id", "mpid"])
    op.create_table(
        "recorded_value",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("value_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id", "value_id"),
        sa.UniqueConstraint("graph_id", "type", "digest", name="recorded_value_by_value"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recorded_span",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("not_recorded", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id", "node"),
        sqlite_with_rowid=False,
    )
