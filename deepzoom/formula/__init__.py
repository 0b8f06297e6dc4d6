"""Formulas of two complex variables: parsed from text or traced from Python, differentiated, and turned into code.

In a map of your own (docs/python.md), a formula is a function of two ``Complex`` values made of + - * /, whole powers
and the functions named here.
"""

from .expression import Complex, absolute, conj, cos, exp, fold, im, re, sin

__all__ = ["Complex", "absolute", "conj", "cos", "exp", "fold", "im", "re", "sin"]
