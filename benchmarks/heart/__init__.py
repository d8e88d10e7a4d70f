"""Accuracy on heart disease beside a published benchmark's: `make bench-heart`."""
