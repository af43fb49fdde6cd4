"""`beacon warm`: start what a job will use, and wait until it answers."""
