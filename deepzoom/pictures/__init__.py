"""Writes picture files: PNG, and figures with axes; chooses the names of output files. Nothing here chooses colours."""
