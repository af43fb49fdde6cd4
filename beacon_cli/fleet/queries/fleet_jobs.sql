-- The jobs that are in the queue or run, first come first, with the versions that can take them and who has them.
SELECT job.id AS job_id, entry.status = 'doing' AS taken, substr(entry.queue_name, length('beacon-') + 1) AS version,
       (entry.args ->> 'priority')::int AS priority, worker.id AS worker,
       extract(epoch FROM clock_timestamp() - claim.submitted_at)::float8 AS queued_seconds,
       extract(epoch FROM clock_timestamp() - (
           SELECT max(at) FROM beacon_queue.procrastinate_events WHERE job_id = entry.id
       ))::float8 AS changed_seconds,
       (job.spec -> 'questions' ->> 'count')::int * (job.spec ->> 'repeats')::int AS per_lane,
       job.spec -> 'models' AS models, job.spec -> 'regions' AS regions,
       (SELECT coalesce(jsonb_object_agg(region, n), '{}') FROM (
            SELECT region, count(*) AS n FROM executions
            WHERE job_id = job.id AND status IN ('completed', 'empty', 'blocked') GROUP BY region
        ) AS answered) AS answered,
       (SELECT count(*) FROM executions WHERE job_id = job.id AND status = 'blocked') AS blocked,
       extract(epoch FROM now() - run.started_at)::float8 AS run_seconds,
       (SELECT count(*) FROM executions
        WHERE job_id = job.id AND run_id = run.id AND status IN ('completed', 'empty', 'blocked')) AS answered_in_run
FROM beacon_queue.procrastinate_jobs AS entry
JOIN beacon_queue.beacon_entries AS claim ON claim.entry = entry.id
JOIN jobs AS job ON job.id = claim.job_id
LEFT JOIN fleet_workers AS worker
       ON worker.id = claim.worker_id AND worker.lost_at IS NULL
      AND entry.status = 'doing' AND claim.attempt = entry.attempts
LEFT JOIN LATERAL (
    SELECT id, started_at FROM runs WHERE job_id = job.id AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1
) AS run ON worker.id IS NOT NULL
WHERE entry.status IN ('todo', 'doing')
ORDER BY entry.status = 'todo', entry.priority DESC, entry.id
