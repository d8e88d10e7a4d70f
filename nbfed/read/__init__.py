"""Read: a notebook's bytes as cells, and its cells as regions with roles."""
