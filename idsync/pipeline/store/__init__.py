"""What keeps events: the protocol, and one module or package for each kind of database."""
