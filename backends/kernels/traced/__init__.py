"""Kernels generated from the graph of a traced training step."""
