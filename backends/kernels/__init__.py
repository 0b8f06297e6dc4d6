"""Compiled kernels, by subject: arithmetic, escape time, training, GPU; they know arrays, but no scenes."""
