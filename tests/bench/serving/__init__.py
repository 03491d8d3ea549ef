"""Prototypes for docs/decisions/0002-serving-grpc.md: five ways to serve gRPC around our real methods.

Measuring code, not product: each says what it lacks. What is not a dependency of ours is installed into a
folder of its own by `candidates.py`.
"""
