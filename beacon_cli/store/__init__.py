"""Where answers are stored: PostgreSQL, embedded or given, and the journal for when it is unreachable."""
