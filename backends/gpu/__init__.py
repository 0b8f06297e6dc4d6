"""GPUs: which there are, batches of pixels on them, and how training runs lie on their threads and warps."""
