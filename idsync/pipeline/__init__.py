"""Events on their way: attributed by the identity service, and kept behind a store of their own."""
