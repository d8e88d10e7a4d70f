"""Measurements that anyone can repeat: `make bench`, `make bench-heart`, `make bench-compiler`."""
