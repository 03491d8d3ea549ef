"""The first schema.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from idsync.store.sql.planner import teach
from idsync.store.sql.schema_state import APPLICATION_ID

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, as it was then."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    op.create_table(
        "alias",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.BigInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("stamp_id", sa.BigInteger(), nullable=True),
        sa.Column("apply_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("arrived_ms", sa.BigInteger(), nullable=False),
        sa.Column("ignored_reason", sa.Text(), nullable=False),
        sa.Column("applied_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("alias_by_destination", "alias", ["graph_id", "destination"], unique=False)
    op.create_index("alias_by_source", "alias", ["graph_id", "source"], unique=False)
    op.create_index("alias_by_time", "alias", ["state", "apply_at_ms"], unique=False)
    op.create_table(
        "configuration",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "version"),
    )
    op.create_table(
        "directory",
        sa.Column("mpid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mpid"),
    )
    op.create_table(
        "fold_position",
        sa.Column("log_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("log_id"),
    )
    op.create_table(
        "graph",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("environment", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_identity_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("graph_id"),
        sa.UniqueConstraint("scope", "environment", name="graph_by_name"),
    )
    op.create_table(
        "identity",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("holders", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "identity_id"),
        sa.UniqueConstraint("graph_id", "type", "digest", name="identity_by_value"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("input_id", sa.Text(), nullable=False),
        sa.Column("mpid", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("journal_by_key", "journal", ["graph_id", "input_id", "idempotency_key"], unique=False)
    op.create_index("journal_by_profile", "journal", ["graph_id", "mpid", "seq"], unique=False)
    op.create_index("journal_by_request", "journal", ["graph_id", "request_id"], unique=False)
    op.create_table(
        "link",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mpid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=True),
        sa.Column("descriptive", sa.Integer(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=True),
        sa.Column("recency", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("graph_id", "identity_id", "mpid", "since_seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("link_by_profile", "link", ["graph_id", "mpid", "identity_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "link_by_kind",
            "link",
            ["graph_id", "identity_id", "kind", "recency"],
            unique=False,
            postgresql_include=["mpid"],
            postgresql_where=sa.text("until_seq IS NULL"),
        )
    op.create_table(
        "profile",
        sa.Column("graph_id", sa.Integer(), nullable=False),
        sa.Column("mpid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=True),
        sa.Column("created_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("recency", sa.BigInteger(), nullable=False),
        sa.Column("active_ms", sa.BigInteger(), nullable=False),
        sa.Column("returned_ms", sa.BigInteger(), nullable=True),
        sa.Column("erased", sa.Integer(), nullable=False),
        sa.Column("types", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("graph_id", "mpid"),
        sqlite_with_rowid=False,
    )
    teach(op.get_bind())
