"""What the design of a job can find, before anything is asked. It needs no further package."""
