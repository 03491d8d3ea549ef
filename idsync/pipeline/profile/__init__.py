"""What is known of a user beside identities: read from batches, merged in any order, kept as one document."""
