"""Real processes, killed and starved."""
