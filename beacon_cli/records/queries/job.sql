-- What is stored of a job beside its executions.
SELECT status, created_at, started_at, completed_at, spec_sha256 FROM jobs WHERE id = %(job_id)s
