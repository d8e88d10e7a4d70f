"""A model of 101 MB: bytes, memory and seconds of a round, beside stock SuperNodes."""
