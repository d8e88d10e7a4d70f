"""How time and memory grow with the number of sites and the size of the model."""
