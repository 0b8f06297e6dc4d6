"""What a picture is made from: system, view, shape, colours: plain values that read and write TOML. Nothing runs."""
