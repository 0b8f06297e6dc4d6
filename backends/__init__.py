"""Backends: each takes a scene and returns the read-outs of its pixels. They know arithmetic and hardware, no files."""
