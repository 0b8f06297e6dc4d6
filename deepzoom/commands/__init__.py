"""The commands of the command line, one to a file: each parses, calls and prints; it computes nothing."""
