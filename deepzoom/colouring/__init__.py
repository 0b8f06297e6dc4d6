"""From a field to colours: palettes, ranks, attractors, slopes. Nothing here runs a pixel."""
