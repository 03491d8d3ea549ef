"""Calls that race: whatever happened must be what some order, one after another, would have done (ID-041)."""
