"""Compiles kernels and caches their machine code on disk. Nothing here knows what a kernel computes."""
