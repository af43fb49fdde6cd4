-- The newest jobs in Beacon's own tables, and how far each is. Executions are counted in the index of their job, and
-- for the jobs that are listed only. Every row of a completed job is an answer, so there the index alone says how many.
WITH known AS (
    SELECT job.id, job.spec, job.batching, job.created_at, job.started_at, job.completed_at, holder, {status} AS status,
           {why}
    FROM jobs AS job
    LEFT JOIN {holders} AS holders ON {holds}
), listed AS (
    SELECT *, row_number() OVER newest AS number FROM known
    WHERE (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
      AND (%(job_id)s::text IS NULL OR id = %(job_id)s)
      AND (%(text)s::text IS NULL OR strpos(lower(id), lower(%(text)s)) > 0
           OR strpos(lower(spec ->> 'name'), lower(%(text)s)) > 0)
    WINDOW newest AS (ORDER BY created_at DESC, id)
    ORDER BY number
    LIMIT %(limit)s + 1 OFFSET %(skip)s
)
SELECT id, spec, status, holder, reason, by_fleet, batching, created_at, started_at, completed_at,
       CASE WHEN status = 'completed'
            THEN (SELECT count(*) FROM executions WHERE job_id = listed.id)
            ELSE (SELECT count(*) FROM executions AS execution
                  WHERE execution.job_id = listed.id AND execution.status IN ('completed', 'empty', 'blocked'))
       END AS answered,
       (SELECT count(*) FROM executions WHERE job_id = listed.id AND executions.status = 'blocked') AS blocked,
       CASE WHEN status = 'running'
            THEN (SELECT count(*) FROM executions AS execution
                  WHERE execution.job_id = listed.id AND execution.status IN ('completed', 'empty', 'blocked')
                    AND run_id = (SELECT runs.id FROM runs WHERE runs.job_id = listed.id ORDER BY runs.started_at DESC LIMIT 1))
       END AS answered_in_run,
       CASE WHEN status = 'running'
            THEN (SELECT greatest(0, extract(epoch FROM now()) - extract(epoch FROM max(runs.started_at))) FROM runs
                  WHERE job_id = listed.id AND isfinite(runs.started_at))
            ELSE (SELECT sum(extract(epoch FROM runs.ended_at) - extract(epoch FROM runs.started_at)) FROM runs
                  WHERE job_id = listed.id AND isfinite(runs.ended_at) AND isfinite(runs.started_at))
       END::float8 AS seconds,
       (SELECT count(*) FROM listed) > %(limit)s AS more
FROM listed
WHERE number <= %(limit)s + %(skip)s
ORDER BY number
