"""Training steps as graphs: an ordinary NumPy function is traced once, and everything else is derived from its graph."""
