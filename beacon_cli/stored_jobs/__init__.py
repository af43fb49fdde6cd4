"""The jobs of a database: what was asked, how far each is, and which process runs it."""
