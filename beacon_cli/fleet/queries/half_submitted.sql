-- Jobs that were written for the fleet and never came into its queue, and are not being submitted at this moment.
SELECT id FROM jobs AS job
LEFT JOIN {holders} AS holders ON {holds}
WHERE status = 'created' AND holder IS NULL AND NOT EXISTS (
    SELECT FROM dbos.workflow_status WHERE queue_name = 'beacon_jobs' AND deduplication_id = job.id
)
ORDER BY created_at
