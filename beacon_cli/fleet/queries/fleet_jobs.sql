-- The jobs that are in the queue or run, first come first, with the versions that can take them and who has them.
SELECT job.id AS job_id, entry.status AS entry, job.status, entry.application_version AS version,
       (entry.attributes ->> 'priority')::int AS priority, worker.id AS worker,
       extract(epoch FROM now())::float8 - entry.created_at / 1000.0 AS queued_seconds,
       extract(epoch FROM now())::float8 - entry.updated_at / 1000.0 AS changed_seconds,
       (job.spec -> 'questions' ->> 'count')::int * (job.spec ->> 'repeats')::int AS per_lane,
       job.spec -> 'models' AS models,
       (SELECT coalesce(jsonb_object_agg(region, n), '{}') FROM (
            SELECT region, count(*) AS n FROM executions
            WHERE job_id = job.id AND status IN ('completed', 'empty') GROUP BY region
        ) AS answered) AS answered,
       extract(epoch FROM now() - run.started_at)::float8 AS run_seconds,
       (SELECT count(*) FROM executions
        WHERE job_id = job.id AND run_id = run.id AND status IN ('completed', 'empty')) AS answered_in_run
FROM dbos.workflow_status AS entry
JOIN jobs AS job ON job.id = entry.deduplication_id
LEFT JOIN fleet_workers AS worker
       ON worker.id = entry.executor_id AND worker.lost_at IS NULL AND entry.status = 'PENDING'
LEFT JOIN LATERAL (
    SELECT id, started_at FROM runs WHERE job_id = job.id AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1
) AS run ON worker.id IS NOT NULL
WHERE entry.queue_name = 'beacon_jobs' AND entry.status IN ('ENQUEUED', 'PENDING', 'DELAYED')
ORDER BY entry.status = 'ENQUEUED', entry.priority, entry.created_at
