"""Run a federation with each of several settings, and rank what comes of them."""
