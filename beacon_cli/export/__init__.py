"""Taking a job's executions elsewhere: one row each, with documented columns, as JSON lines, CSV or Parquet."""
