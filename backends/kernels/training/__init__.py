"""Compiled training steps and runs, a pixel in each SIMD lane: plain, delta, and in expansions."""
