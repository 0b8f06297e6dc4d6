"""Formulas of two complex variables, written once: parsed or traced, differentiated, and made into code."""
