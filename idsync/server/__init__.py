"""The service on the wire: gRPC and in-process calls in, errors and answers out."""
