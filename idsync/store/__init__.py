"""Where graphs live: one protocol, several stores, one suite that all of them pass."""
