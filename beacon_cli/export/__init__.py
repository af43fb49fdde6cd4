"""Exports a job's executions: one row each, with documented columns, as JSON lines, CSV or Parquet."""
