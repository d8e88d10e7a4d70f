"""nbfed's tests; a package, so that no other distribution's `tests` comes first."""
