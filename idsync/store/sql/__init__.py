"""What relational stores share: the schema, its migrations, and reads that are not on the hot path."""
