-- The numbers of repeats that a job had while its runs stored answers, each with the first such run; null is the job's own.
SELECT run.repeats, min(run.started_at) AS began
FROM runs AS run
WHERE run.job_id = %(job_id)s AND run.id IN (
    SELECT run_id FROM executions WHERE job_id = %(job_id)s AND status IN ('completed', 'empty', 'blocked')
    UNION ALL
    SELECT run_id FROM superseded_executions WHERE job_id = %(job_id)s
)
GROUP BY run.repeats
