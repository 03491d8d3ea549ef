"""HTTP and JSON for clients that speak it: the surface of section 13, in front of the typed service."""
