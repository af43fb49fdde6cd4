-- The queue's entries of a job that are not over, the newest last, with their priority.
SELECT workflow_uuid, (attributes ->> 'priority')::int FROM dbos.workflow_status
WHERE queue_name = 'beacon_jobs' AND deduplication_id = %(job)s AND status IN ('ENQUEUED', 'PENDING', 'DELAYED')
ORDER BY created_at
