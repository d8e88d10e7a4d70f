"""From the command to the first round: how long, and where the time goes."""
