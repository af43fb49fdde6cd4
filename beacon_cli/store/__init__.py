"""Where answers are kept: PostgreSQL, embedded or given, and the journal for when it is away."""
