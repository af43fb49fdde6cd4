-- A cell's key with its arm. What takes long lets readers go on; the table has its old key until 0005.

CREATE UNIQUE INDEX IF NOT EXISTS executions_cell
    ON executions (job_id, question_id, model_id, region, repeat, arm);

-- How many answers of a job have no text, without a look at all of its rows.
CREATE INDEX IF NOT EXISTS executions_without_text ON executions (job_id, status) WHERE status IN ('empty', 'blocked');

ALTER TABLE executions VALIDATE CONSTRAINT executions_status_check;  -- here, since readers go on during its scan
