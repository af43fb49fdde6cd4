-- A job's own row, as it is stored.
SELECT id, spec, spec_sha256, batching, status, created_at, started_at, completed_at FROM jobs WHERE id = %(job_id)s
