-- The queue's entries of a job that are not over, the newest last, with their priority, and whether a worker took them.
SELECT id, (args ->> 'priority')::int AS priority, status = 'doing' AS taken FROM beacon_queue.procrastinate_jobs
WHERE (queueing_lock = %(job)s AND status = 'todo') OR (lock = %(job)s AND status = 'doing')
ORDER BY id
