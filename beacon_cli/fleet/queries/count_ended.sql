-- Count, at the jobs of lost workers, that their worker ended; anew where answers came since it was counted last. Workers
-- that were told to stop, that left by themselves, or whose database went away under them, are no fault of the job.
WITH ended AS (
    SELECT entry.workflow_uuid, worker.id AS worker,
           (SELECT count(*) FROM executions WHERE job_id = job.id AND status IN ('completed', 'empty')) AS answered
    FROM dbos.workflow_status AS entry
    JOIN jobs AS job ON job.id = entry.deduplication_id
    JOIN fleet_workers AS worker ON worker.id = entry.executor_id
    WHERE entry.status = 'PENDING' AND entry.queue_name = 'beacon_jobs' AND worker.id = ANY(%(workers)s)
      AND worker.lost_at IS NOT NULL AND NOT worker.draining AND worker.seen_at > pg_postmaster_start_time()
)
UPDATE dbos.workflow_status AS entry
SET attributes = entry.attributes || jsonb_build_object(
    'ended', CASE WHEN ended.answered > coalesce((entry.attributes ->> 'answered')::bigint, 0) THEN 1
                  ELSE coalesce((entry.attributes ->> 'ended')::int, 0) + 1 END,
    'answered', ended.answered, 'worker', ended.worker, 'why', 'worker ' || ended.worker || ' was gone')
FROM ended
WHERE entry.workflow_uuid = ended.workflow_uuid AND entry.attributes ->> 'worker' IS DISTINCT FROM ended.worker
