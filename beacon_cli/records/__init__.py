"""Reading what is stored, in Beacon's tables or the old system's: jobs, what is expected of each, and its answers."""
