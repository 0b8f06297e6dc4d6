"""Compiled kernels. ``network`` and ``network_delta`` hold one training step each, ``run_*`` whole runs."""
