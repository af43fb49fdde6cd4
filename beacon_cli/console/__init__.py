"""What every command needs to speak: consoles, results, tables, formatting; nothing here knows a feature."""
