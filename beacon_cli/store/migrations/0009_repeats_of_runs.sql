-- How many repeats a run planned: those of a job may grow. Until a job grows, null stands for the job's own number.

ALTER TABLE runs ADD COLUMN IF NOT EXISTS repeats int;
