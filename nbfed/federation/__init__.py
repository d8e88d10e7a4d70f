"""federation.yaml: its schema, its errors by line, and whether it fits the notebook."""
