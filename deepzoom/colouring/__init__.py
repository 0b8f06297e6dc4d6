"""Turns a field into colours: palettes, ranks, attractors, slopes. Nothing here computes a pixel's value."""
