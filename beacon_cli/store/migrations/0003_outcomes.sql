-- What became of each question, and what the endpoint says that it did. New columns only: the table is not rewritten.

ALTER TABLE jobs ADD COLUMN IF NOT EXISTS analysis jsonb;

ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS arm                     int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS finish_reason           text,
    ADD COLUMN IF NOT EXISTS thought                 text,
    ADD COLUMN IF NOT EXISTS tokens                  int,
    ADD COLUMN IF NOT EXISTS model_revision          text,
    ADD COLUMN IF NOT EXISTS effective_system_prompt text,
    ADD COLUMN IF NOT EXISTS effective_region        text;

ALTER TABLE executions DROP CONSTRAINT IF EXISTS executions_status_check;
ALTER TABLE executions ADD CONSTRAINT executions_status_check
    CHECK (status IN ('completed', 'empty', 'blocked', 'failed', 'timeout', 'cancelled')) NOT VALID;

-- Rows that were asked again on purpose (`run --again`), as they were.
CREATE TABLE IF NOT EXISTS superseded_executions (
    LIKE executions,
    superseded_at timestamptz NOT NULL DEFAULT now(),
    superseded_by uuid NOT NULL REFERENCES runs (id),
    FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
    FOREIGN KEY (run_id) REFERENCES runs (id)
);
CREATE INDEX IF NOT EXISTS superseded_executions_job_id ON superseded_executions (job_id, question_id);
