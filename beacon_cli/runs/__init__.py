"""A run as an operator starts it: combines job file, database, servers, executor and view."""
