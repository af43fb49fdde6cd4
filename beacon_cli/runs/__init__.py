"""A run as an operator asks for one: job file, database, servers, executor and view, put together."""
