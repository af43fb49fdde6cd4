"""Shows a run in progress: on a terminal, as dated lines, or as events in a file."""
