"""The stages of section 0.2 of the specification, one module each."""
