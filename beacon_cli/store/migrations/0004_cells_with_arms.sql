-- A cell's key with its arm. Building the index lets readers go on; the table has its old key until 0005.

CREATE UNIQUE INDEX IF NOT EXISTS executions_cell
    ON executions (job_id, question_id, model_id, region, repeat, arm);
