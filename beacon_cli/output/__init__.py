"""Everything that a person or a script reads: results, tables, the live view and its plain twin."""
