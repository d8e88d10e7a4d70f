"""What the examples compile to, kept under review like code."""
