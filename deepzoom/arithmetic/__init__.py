"""The arithmetics a map is evaluated in: exact, delta, tangent. A map is ordinary NumPy code and knows none of them."""
