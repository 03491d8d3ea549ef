"""The schema. Every primary and unique key begins with the graph, so that the same tables run sharded.

A graph is one (scope, environment); its small number stands for both in every key. `profile`, `link`,
`alias`, `must_not`, `flag` and `directory` are what the journal adds up to; `identity` is the dictionary its
entries refer to.

Columns that only the store on PostgreSQL keeps are said to be its own; they are empty in an SQLite file,
where memory does their work.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from idsync.store.sql.free_text import FreeText

__all__ = [
    "alias",
    "chain",
    "configuration",
    "directory",
    "flag",
    "fold_position",
    "graph",
    "identity",
    "journal",
    "link",
    "metadata",
    "must_not",
    "profile",
    "recorded_call",
    "recorded_span",
    "recorded_value",
    "seal",
    "watched",
]

metadata = MetaData()

graph = Table(
    "graph",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("environment", Integer, nullable=False),
    # PostgreSQL's own: the numbers given last; who adds to the graph holds this row until the commit
    Column("last_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("last_identity_id", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("scope", "environment", name="graph_by_name"),
)

identity = Table(
    "identity",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("identity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Integer, nullable=False),
    # sha256 of the value: index rows are limited in size, values are not; empty once the value was erased
    Column("digest", LargeBinary),
    # UTF-8 bytes: text columns of some databases cannot hold NUL
    Column("value", LargeBinary),
    Column("version", BigInteger, nullable=False),
    # PostgreSQL's own: how many hold it, as JSON: a kind (see `link.kind`), its count, the next kind, ...
    Column("holders", LargeBinary),
    # PostgreSQL's own: how many standing must-not-links name it; empty means none
    Column("must_nots", Integer),
    # PostgreSQL's own: the flags that stand, as JSON: a kind, the entry that raised it, the next kind, ...
    Column("flags", LargeBinary),
    UniqueConstraint("graph_id", "type", "digest", name="identity_by_value"),
    sqlite_with_rowid=False,
)

profile = Table(
    "profile",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("mpid", BigInteger, primary_key=True, autoincrement=False),
    Column("source", BigInteger),
    Column("created_seq", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("recency", BigInteger, nullable=False),
    Column("active_ms", BigInteger, nullable=False),
    Column("returned_ms", BigInteger),
    Column("erased", Integer, nullable=False),
    Column("types", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("identity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("mpid", BigInteger, primary_key=True, autoincrement=False),
    Column("since_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),
    Column("until_seq", BigInteger),
    Column("descriptive", Integer, nullable=False),
    # PostgreSQL's own, of open links: the types on the profile's record, or -1 for a descriptive link, and
    # the profile's recency, so that the newest holders of each kind are found without looking at all of them
    Column("kind", BigInteger),
    Column("recency", BigInteger),
    Index("link_by_profile", "graph_id", "mpid", "identity_id"),
    Index(
        "link_by_kind",
        "graph_id",
        "identity_id",
        "kind",
        "recency",
        postgresql_include=["mpid"],
        postgresql_where=text("until_seq IS NULL"),
    ).ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)

directory = Table(
    "directory",
    metadata,
    Column("mpid", BigInteger, primary_key=True, autoincrement=False),
    Column("graph_id", Integer, nullable=False),
)

alias = Table(
    "alias",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("source", BigInteger, nullable=False),
    Column("destination", BigInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("scope", Text, nullable=False),
    Column("stamp_id", BigInteger),
    Column("apply_at_ms", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),
    Column("arrived_ms", BigInteger, nullable=False),
    Column("ignored_reason", Text, nullable=False),
    Column("applied_ms", BigInteger),
    Column("settled_seq", BigInteger),
    Index("alias_by_source", "graph_id", "source"),
    Index("alias_by_destination", "graph_id", "destination"),
    Index("alias_by_time", "state", "apply_at_ms"),
    sqlite_with_rowid=False,
)

must_not = Table(
    "must_not",
    metadata,
    # one row for each member: a must-not-link is an entry's sides 0 and 1, 2 and 3, ...
    Column("graph_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("side", Integer, nullable=False),
    Column("identity_id", BigInteger),
    Column("mpid", BigInteger),
    Column("until_seq", BigInteger),
    Index("must_not_by_identity", "graph_id", "identity_id"),
    Index("must_not_by_profile", "graph_id", "mpid"),
    sqlite_with_rowid=False,
)

flag = Table(
    "flag",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("identity_id", BigInteger, primary_key=True, autoincrement=False),
    # see `idsync.model.flag.Flag`
    Column("kind", Integer, primary_key=True, autoincrement=False),
    # the entry that raised it
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("until_seq", BigInteger),
    Index("flag_by_place", "graph_id", "seq"),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("request_id", FreeText, nullable=False),
    Column("input_id", FreeText, nullable=False),
    Column("mpid", BigInteger, nullable=False),
    Column("idempotency_key", FreeText),
    # changes and evidence as JSON, identities by id
    Column("body", LargeBinary, nullable=False),
    # PostgreSQL's own: drawn by chance for each transaction, so that its writer recognises it
    Column("mark", BigInteger),
    Index("journal_by_profile", "graph_id", "mpid", "seq"),
    Index("journal_by_request", "graph_id", "request_id"),
    Index("journal_by_key", "graph_id", "input_id", "idempotency_key"),
    sqlite_with_rowid=False,
)

seal = Table(
    "seal",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # sha256 over the link before it and the entry; see `idsync.store.chain`
    Column("link", LargeBinary, nullable=False),
    # commits to the texts of the caller; empty where there never were any
    Column("said", LargeBinary),
    sqlite_with_rowid=False,
)

chain = Table(
    "chain",
    metadata,
    # PostgreSQL's own: the last link; who adds to the chain, or takes texts off its entries, holds this row
    Column("graph_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
)

configuration = Table(
    "configuration",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
)

recorded_call = Table(
    "recorded_call",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    # in order of time, and drawn by chance within a millisecond: several nodes write at once
    Column("call_id", BigInteger, primary_key=True, autoincrement=False),
    Column("after_seq", BigInteger, nullable=False),
    # the entry that the call wrote; 0 when it changed nothing
    Column("seq", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    # 0 when the call was refused
    Column("mpid", BigInteger, nullable=False),
    Column("named", BigInteger),
    Column("rule", Text, nullable=False),
    Column("count", Integer, nullable=False),
    # what was sent, as JSON: identities by id, those of `recorded_value` below 0
    Column("body", LargeBinary, nullable=False),
    Index("recorded_call_by_place", "graph_id", "after_seq", "call_id"),
    Index("recorded_call_by_profile", "graph_id", "mpid"),
    sqlite_with_rowid=False,
)

recorded_value = Table(
    "recorded_value",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("value_id", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Integer, nullable=False),
    # as in `identity`: empty once the value was erased
    Column("digest", LargeBinary),
    Column("value", LargeBinary),
    # when a call named it last
    Column("at_ms", BigInteger, nullable=False),
    UniqueConstraint("graph_id", "type", "digest", name="recorded_value_by_value"),
    sqlite_with_rowid=False,
)

recorded_span = Table(
    "recorded_span",
    metadata,
    Column("graph_id", Integer, primary_key=True),
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("not_recorded", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

watched = Table(
    "watched",
    metadata,
    # how far the radar has watched a graph, and by which limits
    Column("graph_id", Integer, primary_key=True, autoincrement=False),
    Column("limits", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

fold_position = Table(
    "fold_position",
    metadata,
    # the last row of the embedded store's log that the tables contain
    Column("log_id", BigInteger, primary_key=True, autoincrement=False),
)
