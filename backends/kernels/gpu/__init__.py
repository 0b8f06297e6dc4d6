"""Training kernels for GPUs: a hidden unit in each lane, a pixel in each warp, or a pixel in each thread."""
