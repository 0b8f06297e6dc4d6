"""Pictures too large for memory: rendered, kept and written in tiles."""
