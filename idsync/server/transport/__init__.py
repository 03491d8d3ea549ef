"""How calls arrive: over gRPC, or within the process."""
