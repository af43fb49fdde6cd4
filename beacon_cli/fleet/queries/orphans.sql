-- The entries of this version that were taken and that nobody runs: their worker is lost, or they were never claimed,
-- since a connection was cut between the taking and its confirmation.
SELECT entry.id AS entry, CASE WHEN claim.attempt = entry.attempts THEN claim.worker_id END AS worker_id, entry.abort_requested AS cancelled
FROM beacon_queue.procrastinate_jobs AS entry
JOIN beacon_queue.beacon_entries AS claim ON claim.entry = entry.id
WHERE entry.status = 'doing' AND entry.queue_name = %(queue)s AND CASE
    WHEN claim.attempt = entry.attempts
    THEN NOT EXISTS (SELECT FROM fleet_workers WHERE id = claim.worker_id AND lost_at IS NULL)
    ELSE (SELECT max(at) FROM beacon_queue.procrastinate_events WHERE job_id = entry.id AND type = 'started')
         < clock_timestamp() - make_interval(secs => %(unclaimed)s)
END
