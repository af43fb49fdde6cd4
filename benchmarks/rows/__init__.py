"""The rows of the benchmark, a module per group."""
