-- The rows of a run. Before a run is deleted, PostgreSQL looks for rows that refer to it: without this, through the whole table.

CREATE INDEX IF NOT EXISTS executions_run_id ON executions (run_id);
