"""What a command shows in the terminal: progress, the growing picture, tables. Nothing here computes pixels."""
