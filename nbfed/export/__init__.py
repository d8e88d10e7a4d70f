"""Export a run's model to formats that other programs read."""
