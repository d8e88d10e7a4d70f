"""The embedded engine: a whole federation on this machine, without a network."""
