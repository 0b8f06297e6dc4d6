"""What a picture is made from: system, view, shape and colours, as plain values that read and write TOML.

Nothing here computes a pixel.
"""
