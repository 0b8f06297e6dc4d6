"""Backends: each takes a scene and returns read-outs of its pixels. They know arithmetic and hardware, but no files."""
