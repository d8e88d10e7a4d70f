"""Analyse: what the statements of a notebook define, use, change and do."""
