"""An open identity graph over gRPC and HTTP."""
