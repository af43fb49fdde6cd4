"""Reading back what was stored: the executions of a job, one by one, in the order of its questions."""
