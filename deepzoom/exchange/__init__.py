"""Places and colours of other fractal programs: their files are read as scenes, and scenes are written for them.

``reading.read_place`` is the door. Each program has a file of its own. docs/exchange.md says where the facts about the
formats come from.
"""
