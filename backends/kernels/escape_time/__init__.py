"""Compiled loops of escape-time formulas: float64, perturbation, skips. Each is compiled with a formula's code."""
