-- The runs of a job, but not on which machine they were.
SELECT id::text AS id, started_at, ended_at, version, repeats, reason
FROM runs
WHERE job_id = %(job_id)s
ORDER BY started_at, id
