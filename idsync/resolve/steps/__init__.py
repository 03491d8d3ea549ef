"""The calls as steps of a round: each binds a request to the pure functions that decide it."""
