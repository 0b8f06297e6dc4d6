"""Pixels of escape-time systems: in float64, by perturbation, in higher precision and exactly."""
