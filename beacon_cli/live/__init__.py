"""A run while it runs: on a terminal, as dated lines, or as events in a file."""
