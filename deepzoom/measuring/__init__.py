"""Measuring: what a picture or a point says in numbers, such as dimensions, exponents and sharpness."""
