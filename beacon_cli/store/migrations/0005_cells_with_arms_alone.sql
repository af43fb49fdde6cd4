-- The old key goes: it would allow a cell in one arm only.

ALTER TABLE executions DROP CONSTRAINT IF EXISTS executions_job_id_question_id_model_id_region_repeat_key;
