"""``python -m deepzoom``."""

from .cli import main

main()
