"""Asking a job's cells: batching, attempts, hops, clocks, cancellation. It prints nothing; it tells events."""
