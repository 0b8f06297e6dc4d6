"""Formulas of two complex variables, written once: parsed or traced, differentiated, and made into code.

For maps of one's own (docs/python.md): a formula is a function of two ``Complex`` values made of + - * /, whole powers
and the functions named here.
"""

from .expression import Complex, absolute, conj, cos, exp, fold, im, re, sin

__all__ = ["Complex", "absolute", "conj", "cos", "exp", "fold", "im", "re", "sin"]
