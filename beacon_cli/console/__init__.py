"""What every command needs for its output: consoles, results, tables, formatting. Nothing here knows a feature."""
