"""What a terminal shows while a command runs: progress, the growing picture, tables. Nothing here computes pixels."""
