"""Turns a scene into its field: batches of pixels, trust, samples, iteration limit. Nothing here chooses colours."""
