"""The checks of `beacon check-db`: each one query, and one pure function that judges its result."""
