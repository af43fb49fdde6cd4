-- The workers that are not known to be lost.
SELECT id, host, pid, version, jobs AS jobs_at_most, draining,
       (SELECT count(*) FROM beacon_queue.beacon_entries AS claim
        JOIN beacon_queue.procrastinate_jobs AS entry ON entry.id = claim.entry AND entry.attempts = claim.attempt
        WHERE claim.worker_id = worker.id AND entry.status = 'doing') AS jobs,
       extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent_seconds,
       extract(epoch FROM clock_timestamp() - started_at)::float8 AS up_seconds
FROM fleet_workers AS worker
WHERE lost_at IS NULL
ORDER BY started_at
