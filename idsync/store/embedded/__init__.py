"""The embedded store: SQLite behind a log, with an exact overlay in memory; see `opening.open_store`."""
