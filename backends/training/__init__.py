"""Pixels that are training runs, on the CPU: in float64, by perturbation, in higher precision and exactly."""
