"""GPUs: what is there, batches over several of them, and how training pixels lie on their threads and warps."""
