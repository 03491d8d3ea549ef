"""What a store must do, one module for each promise; `idsync.testing.store_suite` puts them together."""
