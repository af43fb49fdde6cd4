"""Reads what is stored, in Beacon's tables or the old system's: jobs, the expectation of each, and its answers."""
