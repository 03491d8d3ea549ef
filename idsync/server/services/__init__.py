"""What answers each rpc of the contract."""
