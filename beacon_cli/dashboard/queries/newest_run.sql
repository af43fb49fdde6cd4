-- The newest run of a job.
SELECT id::text AS id FROM runs WHERE job_id = %(job_id)s ORDER BY started_at DESC LIMIT 1
