-- Count, at the jobs of lost workers, that their worker ended; anew where answers came since it was counted last. Workers
-- that were told to stop, that left by themselves, or whose database went away under them, are no fault of the job.
WITH ended AS (
    SELECT entry.id AS entry, worker.id AS worker,
           (SELECT count(*) FROM executions WHERE job_id = claim.job_id AND status IN ('completed', 'empty', 'blocked')) AS answered
    FROM beacon_queue.procrastinate_jobs AS entry
    JOIN beacon_queue.beacon_entries AS claim ON claim.entry = entry.id AND claim.attempt = entry.attempts
    JOIN fleet_workers AS worker ON worker.id = claim.worker_id
    WHERE entry.id = ANY(%(entries)s) AND entry.status = 'doing'
      AND worker.lost_at IS NOT NULL AND NOT worker.draining AND worker.seen_at > pg_postmaster_start_time()
)
UPDATE beacon_queue.beacon_entries AS counted
SET ended = CASE WHEN ended.answered > counted.answered THEN 1 ELSE counted.ended + 1 END,
    answered = ended.answered, ended_worker = ended.worker, why = 'worker ' || ended.worker || ' was gone'
FROM ended
WHERE counted.entry = ended.entry AND counted.ended_worker IS DISTINCT FROM ended.worker
