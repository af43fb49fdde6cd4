-- Jobs that were written for the fleet and that no queue has, and that are not being submitted at this moment. Beacon 0.1
-- wrote a job and its entry in two steps; and a queue may have been dropped.
SELECT id FROM jobs AS job
LEFT JOIN {holders} AS holders ON {holds}
WHERE status = 'created' AND holder IS NULL AND NOT EXISTS (
    SELECT FROM beacon_queue.procrastinate_jobs
    WHERE (queueing_lock = job.id AND status = 'todo') OR (lock = job.id AND status = 'doing')
)
ORDER BY created_at
