-- What a job is like that no process runs, for one that has taken its lock: its status, and its runs.
SELECT {status} AS status, {active_at} AS active_at, ARRAY(SELECT run.id::text FROM runs AS run WHERE job_id = job.id) AS runs
FROM (SELECT *, NULL::text AS holder FROM jobs) AS job
WHERE id = %(job)s
