"""`bundle` and `verify bundle`: all that a job's result rests on in one file, and the check that it still does."""
