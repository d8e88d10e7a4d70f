"""Results: what a run came to, as a table and as a report."""
