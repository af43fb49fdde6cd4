-- Workers that are not alive and have jobs of this version that nobody runs.
SELECT DISTINCT job.executor_id
FROM dbos.workflow_status AS job
WHERE job.status = 'PENDING' AND job.queue_name = 'beacon_jobs' AND job.application_version = %(version)s
  AND NOT EXISTS (SELECT FROM fleet_workers WHERE id = job.executor_id AND lost_at IS NULL)
