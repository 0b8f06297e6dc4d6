"""Compiling kernels and keeping their machine code on disk. Nothing here knows what a kernel computes."""
