"""The compiler's speed: `make bench-compiler`."""
