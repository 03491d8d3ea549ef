"""Receipts of erasures: what they say, how they are signed, and how they are held against a database."""
