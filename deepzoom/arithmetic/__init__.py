"""Arithmetics that evaluate maps: exact, delta, tangent. Maps are ordinary NumPy code and know none of them."""
