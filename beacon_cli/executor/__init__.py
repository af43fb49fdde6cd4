"""Asks the cells of a job: batching, attempts, hops, clocks, cancellation. It prints nothing; it reports events."""
