"""nbfed inside a notebook: weights and figures of runs, and the ``%nbfed`` magic."""
