"""How settings come into force: at start, and at a named moment while the service runs (ID-039)."""
