"""Training steps as graphs: a NumPy function is traced once, and all else is derived from its graph."""
