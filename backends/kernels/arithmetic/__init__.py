"""Numbers that kernels compute with: SIMD vectors, double-double, expansions, floatexp. They know no system."""
