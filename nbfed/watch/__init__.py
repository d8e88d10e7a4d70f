"""A page on this machine that follows a run while it goes on."""
